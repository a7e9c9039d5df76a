//! `eval-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use anyhow::Context as _;
use viva_core::store::Store;
use viva_worker::serve;

use crate::cli::ServeArgs;
use crate::{Evaluator, QUEUES, TASKS, model};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let kind = serve::Kind { name: "eval-worker", queues: QUEUES, tasks: TASKS, concurrency: args.concurrency };
    let store = Store::open(args.database_url.as_deref(), &args.viva_data).await.context("the database cannot be used")?;
    let timing = args.liveness.timing()?;
    let evaluator = Evaluator::new(store.clone(), Arc::new(model::judge(args.model).await?));
    serve::run(store, args.broker, kind, timing, |runtime, flight| evaluator.serve_on(runtime, flight)).await?;
    Ok(())
}
