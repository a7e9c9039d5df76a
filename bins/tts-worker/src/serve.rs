//! `tts-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use viva_core::task::SYNTHESIZE;
use viva_worker::stdio;

use crate::cli::ServeArgs;
use crate::{SynthesizeHandler, house};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    stdio::refuse_brokers(&args.broker_url)?;
    let studio = house::studio(&args.store, &args.models).await?;
    let handler = Arc::new(SynthesizeHandler::new(Arc::new(studio), args.voice));
    stdio::run(|runtime| runtime.concurrency(args.concurrency).handler(SYNTHESIZE, handler)).await?;
    Ok(())
}
