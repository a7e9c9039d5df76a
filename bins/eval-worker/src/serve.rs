//! `eval-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use viva_worker::stdio;

use crate::cli::ServeArgs;
use crate::{Evaluator, model};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    stdio::refuse_brokers(&args.broker_url)?;
    let store = model::store(&args).await?;
    let evaluator = Evaluator::new(store, Arc::new(model::judge(args.model).await?));
    stdio::run(|runtime| evaluator.serve_on(runtime.concurrency(args.concurrency))).await?;
    Ok(())
}
