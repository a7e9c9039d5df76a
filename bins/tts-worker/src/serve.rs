//! `tts-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use viva_core::task::SYNTHESIZE;
use viva_worker::{Runtime, Timing, stdio};

use crate::cli::ServeArgs;
use crate::{SynthesizeHandler, house};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    stdio::refuse_brokers(&args.broker_url)?;
    let timing = Timing::new(args.liveness.beat_ms, args.liveness.ttl_ms)?;
    let store = house::store(&args.store).await?.with_claims(args.claims_url.as_deref(), timing.ttl).await?;
    let studio = house::studio(store.clone(), &args.store, &args.models).await?;
    let register = |runtime: Runtime, flight| {
        let handler = SynthesizeHandler::new(Arc::new(studio), flight, args.voice);
        runtime.concurrency(args.concurrency).handler(SYNTHESIZE, Arc::new(handler))
    };
    stdio::run(store, "tts-worker", timing, register).await?;
    Ok(())
}
