//! `eval-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use anyhow::Context as _;
use viva_core::store::Store;
use viva_worker::serve;

use crate::cli::{InterviewArgs, ServeArgs};
use crate::resume::Resumes;
use crate::{Evaluator, Interviewer, QUEUES, Script, TASKS, model, resume};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    let store = Store::open(args.database_url.as_deref(), &args.viva_data).await.context("the database cannot be used")?;
    let timing = args.liveness.timing()?;
    let home = args.model.home()?;
    let evaluator = Evaluator::new(store.clone(), Arc::new(model::judge(args.model).await?));
    let interviewer = interviewer(&store, &evaluator, args.interview, home).await?;
    // In memory there is nobody else who could speak.
    let interviewer = if args.broker.broker_url.starts_with("memory:") { interviewer.silent() } else { interviewer };
    let tasks = [TASKS, interviewer.tasks()].concat().leak();
    let kind = serve::Kind { name: "eval-worker", queues: QUEUES, tasks, concurrency: args.concurrency };
    let register = |runtime, flight: viva_worker::Flight| interviewer.serve_on(evaluator.serve_on(runtime, flight.clone()), flight);
    serve::run(store, args.broker, kind, timing, register).await?;
    Ok(())
}

/// The interviewer of the settings, with the judge's own model.
async fn interviewer(store: &Store, judge: &Evaluator, args: InterviewArgs, home: viva_models::Home) -> anyhow::Result<Interviewer> {
    let script = args.interview_script.as_deref().map_or_else(|| Ok(Script::builtin()), Script::load)?;
    let retriever = tokio::task::spawn_blocking(move || resume::open(&args.embedder, &home)).await??;
    let resumes = retriever.map(|retriever| Resumes::new(store.clone(), Arc::new(retriever)));
    Ok(Interviewer::new(store.clone(), judge.judge().engine().clone(), resumes).script(script))
}
