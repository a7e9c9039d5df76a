//! `tts-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use viva_core::task::SYNTHESIZE;
use viva_worker::{Runtime, serve};

use crate::cli::ServeArgs;
use crate::{SynthesizeHandler, house};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let kind = serve::Kind { name: "tts-worker", queues: &["cpu_queue"], tasks: &[SYNTHESIZE], concurrency: args.concurrency };
    let store = house::store(&args.store).await?;
    let timing = args.liveness.timing()?;
    let studio = house::studio(store.clone(), &args.store, &args.models).await?;
    let dictionary = house::dictionary(args.dictionary.as_deref())?;
    // It joins the others when its voice is warm: no task waits for a model that is loaded, or fetched.
    studio.warm(&args.voice).await?;
    let register = |runtime: Runtime, flight| {
        let handler = SynthesizeHandler::new(Arc::new(studio), flight, args.voice).with_dictionary(dictionary);
        runtime.handler(SYNTHESIZE, Arc::new(handler))
    };
    serve::run(store, args.broker, kind, timing, register).await?;
    Ok(())
}
