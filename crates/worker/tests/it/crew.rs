//! Several workers over one database, each with a queue of its own; their engine says how long it takes and what it makes.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_core::store::{Clip, Session, Store, migrate};
use viva_core::task::{SYNTHESIZE, Synthesize};
use viva_core::{Clock as _, Digest, Outcome, SystemClock, Task, TaskError, TaskMessage, retry};
use viva_testkit::{Postgres, Redis};
use viva_worker::{
    Answer, Closing, Context, Drained, Flight, Handler, Hung, Keeper, MemoryQueue, MemoryReplies, Queue as _, Runtime, Timing, Work,
};

/// Fast enough for tests, slow enough for a busy machine.
pub const TIMING: Timing =
    Timing { beat: Duration::from_millis(50), ttl: Duration::from_secs(4), relay: Duration::from_millis(10), hung: Hung::Tell };

/// How long anything may take before a test gives up, and between two looks until then.
const SOON: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(5);

/// What the engine does with a text, given the number of its run.
type Engine = dyn Fn(u32, &str) -> Result<Duration, TaskError> + Send + Sync;

/// What all workers of a test share.
pub struct Stage {
    pub store: Store,
    pub ran: AtomicU32,
    /// What was shown where, in order.
    pub shown: Mutex<Vec<(String, String)>>,
    /// Files that are gone although they are recorded.
    pub lost_files: Mutex<Vec<Digest>>,
    /// Nothing can be shown: the folder is full.
    pub unshowable: AtomicBool,
    engine: Box<Engine>,
    /// Where claims are asked for first; the stage's own.
    pub redis: Option<Redis>,
    place: Option<tempfile::TempDir>,
}

impl Stage {
    pub async fn new(kind: &str, engine: impl Fn(u32, &str) -> Result<Duration, TaskError> + Send + Sync + 'static) -> Arc<Self> {
        let redis = (kind == "redis").then(Redis::start);
        let place = (kind == "sqlite").then(|| tempfile::tempdir().unwrap());
        let url = match &place {
            Some(place) => format!("sqlite://{}/viva.db", place.path().display()),
            None => Postgres::shared().database(),
        };
        let mut stage = Self::at(&url, redis.as_ref().map(Redis::url).as_deref(), engine).await;
        let kept = Arc::get_mut(&mut stage).unwrap();
        (kept.redis, kept.place) = (redis, place);
        stage
    }

    /// A stage over an empty database, and claims, that the test keeps.
    pub async fn at(
        url: &str,
        claims_url: Option<&str>,
        engine: impl Fn(u32, &str) -> Result<Duration, TaskError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        migrate(url).await.unwrap();
        let store = Store::connect(url).await.unwrap().with_claims(claims_url, TIMING.ttl).await.unwrap();
        Arc::new(Self {
            store,
            ran: AtomicU32::new(0),
            shown: Mutex::default(),
            lost_files: Mutex::default(),
            unshowable: AtomicBool::new(false),
            engine: Box::new(engine),
            redis: None,
            place: None,
        })
    }

    pub fn ran(&self) -> u32 {
        self.ran.load(Ordering::SeqCst)
    }

    /// Returns once the engine has begun so often.
    pub async fn has_run(&self, times: u32) {
        let began = SystemClock.monotonic();
        while self.ran() < times {
            assert!(SystemClock.monotonic().since(began) < SOON, "the engine ran {} times", self.ran());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Returns once the task waits for somebody else's computation of `text`.
    pub async fn waits(&self, text: &str, task_id: &str) {
        let began = SystemClock.monotonic();
        loop {
            let unit = self.store.glance().await.unwrap();
            if unit.waiters().holds(&computation(text), task_id).await.unwrap() {
                return unit.rollback().await.unwrap();
            }
            unit.rollback().await.unwrap();
            assert!(SystemClock.monotonic().since(began) < SOON, "nobody waits");
            tokio::time::sleep(LOOK).await;
        }
    }

    pub fn shown(&self) -> Vec<(String, String)> {
        self.shown.lock().unwrap().clone()
    }

    pub async fn worker(self: &Arc<Self>) -> Member {
        self.worker_with(8, Duration::from_secs(5)).await
    }

    pub async fn worker_with(self: &Arc<Self>, concurrency: usize, drain: Duration) -> Member {
        self.worker_timed(concurrency, drain, TIMING).await
    }

    pub async fn worker_timed(self: &Arc<Self>, concurrency: usize, drain: Duration, timing: Timing) -> Member {
        let (queue, replies, shutdown) = (MemoryQueue::new(), MemoryReplies::new(), CancellationToken::new());
        let (shared, reply) = (Arc::new(queue.clone()), Arc::new(Closing::new(self.store.clone(), Arc::new(replies.clone()))));
        let keeper = Keeper::join(self.store.beside().await.unwrap(), "test", shared.clone(), reply.clone(), timing).await.unwrap();
        let flight = Flight::new(self.store.clone(), keeper.id().clone()).kept_by(&keeper);
        let quick = retry::Policy { base: Duration::from_millis(20), ..retry::Policy::default() };
        let runtime = Runtime::new(shared, reply)
            .handler(SYNTHESIZE, Arc::new(Speaker { stage: self.clone(), flight }))
            .concurrency(NonZeroUsize::new(concurrency).unwrap())
            .retry(quick)
            .drain_deadline(drain);
        let token = shutdown.clone();
        let running = tokio::spawn(async move { runtime.run(token).await.unwrap() });
        Member { queue, replies, shutdown, running, keeper }
    }
}

/// A worker among others.
pub struct Member {
    pub queue: MemoryQueue,
    pub replies: MemoryReplies,
    pub shutdown: CancellationToken,
    pub running: JoinHandle<Drained>,
    pub keeper: Keeper,
}

impl Member {
    /// Publishes a task; its outcome comes later.
    pub async fn send(&self, message: TaskMessage) -> oneshot::Receiver<Outcome> {
        let outcome = self.replies.expect(&message.id);
        self.queue.publish(message).await.unwrap();
        outcome
    }

    pub async fn ask(&self, message: TaskMessage) -> Outcome {
        self.send(message).await.await.unwrap()
    }

    pub async fn leave(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
        self.keeper.leave().await.unwrap();
    }
}

/// The sound of a text in the engine's so-manieth run. Another one in every process: a result shows who made it.
pub fn digest(text: &str, run: u32) -> Digest {
    Digest::of(format!("{text} {run} {}", std::process::id()).as_bytes())
}

/// What the sound of a text is computed as.
pub fn computation(text: &str) -> Digest {
    Digest::of_computation("speech", &[("text", text)])
}

/// A task that speaks `text` as the question `id`.
pub fn speak(text: &str, id: i32) -> TaskMessage {
    let task =
        Synthesize { text: text.to_owned(), language: "ko".to_owned(), speed: 1.0, question_id: Some(id), voice: None, format: None };
    Task::Synthesize(task).to_message()
}

/// Speaks as the stage's engine says.
pub struct Speaker {
    pub stage: Arc<Stage>,
    pub flight: Flight,
}

#[async_trait]
impl Handler for Speaker {
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let Task::Synthesize(speak) = &task else { panic!("it sends no other task") };
        let computation = computation(&speak.text);
        let work = Speech { stage: &self.stage, text: speak.text.clone(), computation: computation.clone() };
        self.flight.fly(&work, &computation, &task, &context).await
    }
}

struct Speech<'s> {
    stage: &'s Stage,
    text: String,
    computation: Digest,
}

#[async_trait]
impl Work for Speech<'_> {
    type Output = Clip;

    async fn find(&self, unit: &Session) -> Result<Option<Clip>, TaskError> {
        Ok(unit.speech_clips().find(&self.computation).await?)
    }

    async fn is_sound(&self, clip: &Clip) -> Result<bool, TaskError> {
        Ok(!self.stage.lost_files.lock().unwrap().contains(&clip.digest))
    }

    fn budget(&self) -> Duration {
        let ms = std::env::var("TEST_BUDGET_MS").ok().and_then(|ms| ms.parse().ok());
        ms.map_or(Duration::from_mins(15), Duration::from_millis)
    }

    async fn compute(&self, cancel: &CancellationToken) -> Result<Clip, TaskError> {
        let run = self.stage.ran.fetch_add(1, Ordering::SeqCst) + 1;
        let takes = (self.stage.engine)(run, &self.text)?;
        if cancel.run_until_cancelled(tokio::time::sleep(takes)).await.is_none() {
            return Err(TaskError::cancelled("told to stop"));
        }
        Ok(Clip {
            computation: self.computation.clone(),
            digest: digest(&self.text, run),
            bytes: u64::from(run),
            duration_ms: 1.0,
            created_at_ms: 0,
        })
    }

    async fn keep(&self, unit: &Session, made: Clip) -> Result<Clip, TaskError> {
        let stands = unit.speech_clips().record(&made).await?;
        if stands.digest == made.digest { Ok(stands) } else { Ok(unit.speech_clips().replace(&stands.digest, &made).await?) }
    }

    fn target(&self, task: &Task) -> Option<String> {
        let Task::Synthesize(task) = task else { return None };
        task.question_id.map(|id| format!("q_{id}"))
    }

    async fn show(&self, _: &Session, task: &Task, _: &Clip) -> Result<(), TaskError> {
        if self.stage.unshowable.load(Ordering::SeqCst) {
            return Err(TaskError::transient("the folder is full"));
        }
        let shown = (self.target(task).unwrap(), self.text.clone());
        let mut all = self.stage.shown.lock().unwrap();
        // What is there already is left alone, as the audio store does.
        if all.iter().rev().find(|(target, _)| *target == shown.0) != Some(&shown) {
            all.push(shown);
        }
        Ok(())
    }

    fn answer(&self, _: &Task, clip: &Clip, cached: bool) -> Value {
        json!({ "run": clip.bytes, "cached": cached })
    }
}
