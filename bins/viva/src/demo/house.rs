//! Both workers in this process, each behind its own in-memory queue, over one database and one folder.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tts_worker::{Studio, SynthesizeHandler, Voice};
use viva_core::SystemClock;
use viva_core::audio::Audio;
use viva_core::clock::Clock as _;
use viva_core::report::Report;
use viva_core::store::{self, Store};
use viva_core::task::{ANALYZE_ANSWER, GENERATE_FINAL_REPORT, SYNTHESIZE, TaskMessage};
use viva_models::{Console, PullOptions};
use viva_worker::{Drained, Flight, Keeper, MemoryQueue, MemoryReplies, Queue as _, Runtime, Timing};

use super::sample::Sample;
use crate::cli::Settings;

/// A running house.
pub(super) struct House {
    store: Store,
    evaluator: eval_worker::Evaluator,
    cpu: MemoryQueue,
    gpu: MemoryQueue,
    replies: MemoryReplies,
    shutdown: CancellationToken,
    workers: Vec<JoinHandle<Result<Drained, viva_worker::queue::Error>>>,
    keepers: Vec<Keeper>,
}

/// A task's result, and the time from asking to having it.
pub(super) struct Timed {
    pub(super) value: Value,
    pub(super) wall_s: f64,
}

impl House {
    /// Fetches what is missing, makes the database, writes the interview's rows, and starts both workers.
    pub(super) async fn open(settings: &Settings, data: &Path, sample: &Sample) -> anyhow::Result<Self> {
        let home = settings.home()?;
        home.pull("kokoro", &PullOptions::default(), &Console::new()).await?;
        let judge = Arc::new(eval_worker::model::judge(settings.judge()?).await?);
        let url = settings.database_url(data);
        store::migrate(&url).await.context("the database cannot be made")?;
        let store = Store::connect(&url).await?;
        let session = store.write().await?;
        sample.store(&session).await?;
        session.commit().await?;
        let audio = Audio::at(data.join("audio")).await?;
        let studio = Arc::new(Studio::new(store.clone(), audio, Voice::from_home(home), Arc::new(SystemClock)));
        let evaluator = eval_worker::Evaluator::new(store.clone(), judge);
        let (cpu, gpu, replies) = (MemoryQueue::new(), MemoryQueue::new(), MemoryReplies::new());
        let (one, all) = (NonZeroUsize::MIN, NonZeroUsize::MIN.saturating_add(31));
        let (voice, judge) = (join(&store, "tts-worker", &cpu, &replies).await?, join(&store, "eval-worker", &gpu, &replies).await?);
        let runtime = |queue: &MemoryQueue, tasks| Runtime::new(Arc::new(queue.clone()), Arc::new(replies.clone())).concurrency(tasks);
        let flight = |keeper: &Keeper| Flight::new(store.clone(), keeper.id().clone()).kept_by(keeper);
        let synthesize = SynthesizeHandler::new(studio, flight(&voice), settings.voice.clone());
        let speaking = runtime(&cpu, one).handler(SYNTHESIZE, Arc::new(synthesize));
        let judging = evaluator.serve_on(runtime(&gpu, all), flight(&judge));
        let shutdown = CancellationToken::new();
        let workers = [speaking, judging].map(|runtime| tokio::spawn(runtime.run(shutdown.clone()))).into();
        Ok(Self { store, evaluator, cpu, gpu, replies, shutdown, workers, keepers: vec![voice, judge] })
    }

    /// Sends a task as a platform would and waits for its result.
    pub(super) async fn ask(&self, task: &str, args: Vec<Value>, kwargs: Value) -> anyhow::Result<Timed> {
        self.send(task, args, kwargs).await?.await
    }

    /// Sends a task as a platform would. What it returns waits for the result.
    pub(super) async fn send(
        &self,
        task: &str,
        args: Vec<Value>,
        kwargs: Value,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<Timed>> + Send + use<>> {
        let queue = match task {
            SYNTHESIZE => &self.cpu,
            ANALYZE_ANSWER | GENERATE_FINAL_REPORT => &self.gpu,
            other => return Err(anyhow!("no queue takes {other}; this is a bug")),
        };
        let kwargs = kwargs.as_object().cloned().unwrap_or_default();
        let message = TaskMessage::new(task, args, kwargs);
        let start = SystemClock.monotonic();
        let outcome = self.replies.expect(&message.id);
        queue.publish(message).await?;
        let task = task.to_owned();
        Ok(async move {
            let outcome = outcome.await.context("the worker ended without an answer")?;
            let value = outcome.into_result().map_err(|what| anyhow!("{task} failed: {what}"))?;
            Ok(Timed { value, wall_s: SystemClock.monotonic().since(start).as_secs_f64() })
        })
    }

    /// Writes the stored report where people and scripts find it.
    pub(super) async fn report(&self, interview_id: i32, folder: &Path) -> anyhow::Result<Report> {
        crate::records::write_report(&self.evaluator, interview_id, folder).await
    }

    /// Stops the workers and closes the database.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        self.shutdown.cancel();
        for worker in self.workers {
            worker.await??;
        }
        for keeper in self.keepers {
            keeper.leave().await?;
        }
        drop(self.evaluator);
        Ok(self.store.close().await?)
    }
}

/// Makes a worker one among the workers of the database.
async fn join(store: &Store, name: &str, queue: &MemoryQueue, replies: &MemoryReplies) -> anyhow::Result<Keeper> {
    let (queue, reply) = (Arc::new(queue.clone()), Arc::new(replies.clone()));
    Ok(Keeper::join(store.beside().await?, name, queue, reply, Timing::default()).await?)
}
