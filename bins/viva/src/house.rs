//! Both workers in this process, each behind its own in-memory queue, over one database and one folder: for the demo, and for `up`.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tts_worker::{Studio, SynthesizeHandler, Voice};
use viva_core::SystemClock;
use viva_core::audio::Audio;
use viva_core::clock::Clock as _;
use viva_core::report::Report;
use viva_core::store::{self, Store};
use viva_core::task::{SYNTHESIZE, TaskMessage};
use viva_models::{Console, PullOptions};
use viva_worker::queue::{self, Consumer, Queue};
use viva_worker::{Closing, Drained, Flight, Keeper, MemoryQueue, MemoryReplies, Runtime, Timing};

use crate::cli::Settings;

/// A running house.
pub(crate) struct House {
    store: Store,
    audio: Audio,
    evaluator: eval_worker::Evaluator,
    queues: Queues,
    replies: MemoryReplies,
    shutdown: CancellationToken,
    workers: Vec<JoinHandle<Result<Drained, viva_worker::queue::Error>>>,
    keepers: Vec<Keeper>,
}

/// A task's result, and the time from asking to having it.
pub(crate) struct Timed {
    pub(crate) value: Value,
    pub(crate) wall_s: f64,
}

impl House {
    /// Fetches what is missing, makes the database, and starts both workers.
    pub(crate) async fn open(settings: &Settings, data: &Path) -> anyhow::Result<Self> {
        let home = settings.home()?;
        home.pull("kokoro", &PullOptions::default(), &Console::new()).await?;
        let judge = Arc::new(eval_worker::model::judge(settings.judge()?).await?);
        let url = settings.database_url(data);
        store::migrate(&url).await.context("the database cannot be made")?;
        let store = Store::connect(&url).await?;
        let audio = settings.audio(data).await?;
        let studio = Arc::new(Studio::new(store.clone(), audio.clone(), Voice::from_home(home), Arc::new(SystemClock)));
        let evaluator = eval_worker::Evaluator::new(store.clone(), judge);
        let (queues, replies) = (Queues::default(), MemoryReplies::new());
        let (one, all) = (NonZeroUsize::MIN, NonZeroUsize::MIN.saturating_add(31));
        let (voice, judge) = (join(&store, "tts-worker", &queues, &replies).await?, join(&store, "eval-worker", &queues, &replies).await?);
        let closing = Arc::new(Closing::new(store.clone(), Arc::new(replies.clone())));
        let runtime = |queue: &MemoryQueue, tasks| Runtime::new(Arc::new(queue.clone()), closing.clone()).concurrency(tasks);
        let flight = |keeper: &Keeper| Flight::new(store.clone(), keeper.id().clone()).kept_by(keeper);
        let synthesize = SynthesizeHandler::new(studio, flight(&voice), settings.voice.clone());
        let speaking = runtime(&queues.cpu, one).handler(SYNTHESIZE, Arc::new(synthesize));
        let judging = evaluator.serve_on(runtime(&queues.gpu, all), flight(&judge));
        let shutdown = CancellationToken::new();
        let workers = [speaking, judging].map(|runtime| tokio::spawn(runtime.run(shutdown.clone()))).into();
        for keeper in [&voice, &judge] {
            keeper.progress().set_ready(true);
        }
        Ok(Self { store, audio, evaluator, queues, replies, shutdown, workers, keepers: vec![voice, judge] })
    }

    /// The database.
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The clips.
    pub(crate) fn audio(&self) -> &Audio {
        &self.audio
    }

    /// Sends a task as a platform would and waits for its result.
    pub(crate) async fn ask(&self, task: &str, args: Vec<Value>, kwargs: Value) -> anyhow::Result<Timed> {
        self.send(task, args, kwargs).await?.await
    }

    /// Sends a task as a platform would. What it returns waits for the result.
    pub(crate) async fn send(
        &self,
        task: &str,
        args: Vec<Value>,
        kwargs: Value,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<Timed>> + Send + use<>> {
        let kwargs = kwargs.as_object().cloned().unwrap_or_default();
        let message = TaskMessage::new(task, args, kwargs);
        let start = SystemClock.monotonic();
        let outcome = self.replies.expect(&message.id);
        self.queues.publish(message).await?;
        let task = task.to_owned();
        Ok(async move {
            let outcome = outcome.await.context("the worker ended without an answer")?;
            let value = outcome.into_result().map_err(|what| anyhow!("{task} failed: {what}"))?;
            Ok(Timed { value, wall_s: SystemClock.monotonic().since(start).as_secs_f64() })
        })
    }

    /// Writes the stored report where people and scripts find it.
    pub(crate) async fn report(&self, interview_id: i32, folder: &Path) -> anyhow::Result<Report> {
        crate::records::write_report(&self.evaluator, interview_id, folder).await
    }

    /// Stops the workers and closes the database.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
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

/// A queue for each worker; whoever publishes does not choose.
#[derive(Debug, Clone, Default)]
struct Queues {
    cpu: MemoryQueue,
    gpu: MemoryQueue,
}

#[async_trait]
impl Queue for Queues {
    async fn publish(&self, message: TaskMessage) -> Result<(), queue::Error> {
        let queue = if message.task == SYNTHESIZE { &self.cpu } else { &self.gpu };
        queue.publish(message).await
    }

    async fn consume(&self, _: NonZeroUsize) -> Result<Box<dyn Consumer>, queue::Error> {
        Err(queue::Error { queue: "both".to_owned(), reason: "each worker takes from its own; this is a bug".to_owned() })
    }
}

/// Makes a worker one among the workers of the database.
async fn join(store: &Store, name: &str, queues: &Queues, replies: &MemoryReplies) -> anyhow::Result<Keeper> {
    let beside = store.beside().await?;
    let reply = Arc::new(Closing::new(beside.clone(), Arc::new(replies.clone())));
    Ok(Keeper::join(beside, name, Arc::new(queues.clone()), reply, Timing::default()).await?)
}
