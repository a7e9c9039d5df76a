//! `eval-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use anyhow::Context as _;
use viva_core::store::Store;
use viva_worker::{Runtime, Timing, stdio};

use crate::cli::ServeArgs;
use crate::{Evaluator, model};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    stdio::refuse_brokers(&args.broker_url)?;
    let store = Store::open(args.database_url.as_deref(), &args.viva_data).await.context("the database cannot be used")?;
    let timing = Timing::new(args.liveness.beat_ms, args.liveness.ttl_ms)?;
    let store = store.with_claims(args.claims_url.as_deref(), timing.ttl).await?;
    let evaluator = Evaluator::new(store.clone(), Arc::new(model::judge(args.model).await?));
    let register = |runtime: Runtime, flight| evaluator.serve_on(runtime.concurrency(args.concurrency), flight);
    stdio::run(store, "eval-worker", timing, register).await?;
    Ok(())
}
