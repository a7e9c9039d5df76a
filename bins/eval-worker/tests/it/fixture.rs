//! A store with an interview in it, and an engine that obeys its schema.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_core::claim::WorkerId;
use viva_core::report::Report;
use viva_core::store::{Interview, Question, Store, Transcript, migrate};
use viva_core::{Outcome, SystemClock, Task, TaskError, retry};
use viva_llm::{Cancel, Completion, Engine, Error, Finish, ModelInfo, Request};
use viva_scoring::{Judge, Rubric, Settings};
use viva_worker::{Answer, Context, Drained, Flight, Handler, Keeper, MemoryQueue, MemoryReplies, Queue as _, Runtime, Timing, queue};

use eval_worker::{AnalyzeAnswer, Evaluator, FinalReport};

pub const INTERVIEW: i32 = 153;

/// What happens while the model "thinks".
type Thought = Box<dyn Fn(&Request, &Cancel) -> Result<(), Error> + Send + Sync>;

/// Gives every item its maximum, quoting the first segment. `during` runs while the model "thinks".
pub struct Obedient {
    info: ModelInfo,
    pub calls: AtomicUsize,
    during: Thought,
}

impl Obedient {
    pub fn new() -> Arc<Self> {
        Self::while_thinking(|_| Ok(()))
    }

    /// Thinks about one answer at a time.
    pub fn while_thinking(during: impl FnMut(&Cancel) -> Result<(), Error> + Send + 'static) -> Arc<Self> {
        let during = Mutex::new(during);
        Self::while_all_think(move |_, cancel| (during.lock().unwrap())(cancel))
    }

    /// Thinks about as many answers at once as it is asked for.
    pub fn while_all_think(during: impl Fn(&Request, &Cancel) -> Result<(), Error> + Send + Sync + 'static) -> Arc<Self> {
        let info = ModelInfo {
            name: "obedient".to_owned(),
            architecture: "none".to_owned(),
            parameters: 1,
            quantisation: "F32".to_owned(),
            sha256: "ab".repeat(32),
            context_length: 8192,
            template_sha256: None,
            engine: "fake 1".to_owned(),
            numeric_class: "test".to_owned(),
        };
        Arc::new(Self { info, calls: AtomicUsize::new(0), during: Box::new(during) })
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn obey(schema: &Value) -> Value {
    let fill = |rule: &Value| match rule["type"].as_str().unwrap() {
        "string" => json!("분명합니다"),
        "array" => json!(["또렷합니다"]),
        _ => json!({ "quote": rule["properties"]["quote"]["enum"][0], "score": rule["properties"]["score"]["maximum"] }),
    };
    let properties = schema["properties"].as_object().unwrap();
    Value::Object(properties.iter().map(|(name, rule)| (name.clone(), fill(rule))).collect::<Map<_, _>>())
}

impl Engine for Obedient {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn complete(&self, request: &Request, cancel: &Cancel, _: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        (self.during)(request, cancel)?;
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        Ok(Completion {
            text: obey(request.schema.as_ref().unwrap()).to_string(),
            finish: Finish::Stop,
            tokens_in: 1,
            tokens_cached: 0,
            tokens_out: 1,
            tokens_forced: 0,
            numbers: Vec::new(),
            prompt_sha256: "cd".repeat(32),
        })
    }

    fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        Ok(text.len())
    }
}

pub struct Fixture {
    pub store: Store,
    pub engine: Arc<Obedient>,
    pub evaluator: Evaluator,
    folder: TempDir,
}

/// Workers over one queue.
pub struct Crew {
    pub queue: MemoryQueue,
    replies: MemoryReplies,
    shutdown: CancellationToken,
    workers: Vec<(JoinHandle<Result<Drained, queue::Error>>, Keeper)>,
}

impl Crew {
    /// Asks for a task, without waiting.
    pub async fn send(&self, task: &Task) -> oneshot::Receiver<Outcome> {
        let message = task.to_message();
        let outcome = self.replies.expect(&message.id);
        self.queue.publish(message).await.unwrap();
        outcome
    }

    /// Asks for a task and waits for how it ends.
    pub async fn ask(&self, task: &Task) -> Outcome {
        self.send(task).await.await.unwrap()
    }

    pub async fn leave(self) {
        self.shutdown.cancel();
        for (running, keeper) in self.workers {
            running.await.unwrap().unwrap();
            keeper.leave().await.unwrap();
        }
    }
}

pub fn database(folder: &TempDir) -> (PathBuf, String) {
    let path = folder.path().join("viva.db");
    let url = format!("sqlite://{}", path.display());
    (path, url)
}

impl Fixture {
    /// An interview with these (stage, answer) pairs; questions are 1, 2, ..., transcripts 1001, 1002, ...
    pub async fn with(engine: Arc<Obedient>, said: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let (_, url) = database(&folder);
        migrate(&url).await.unwrap();
        let store = Store::connect(&url).await.unwrap();
        fill(&store, said).await;
        let judge = Judge::new(engine.clone(), Rubric::builtin(), Arc::new(SystemClock), Settings::default());
        Self { evaluator: Evaluator::new(store.clone(), Arc::new(judge)), store, engine, folder }
    }

    pub fn analyze_answer(&self) -> AnalyzeAnswer {
        AnalyzeAnswer { evaluator: self.evaluator.clone(), flight: Flight::new(self.store.clone(), WorkerId::new()) }
    }

    pub fn final_report(&self) -> FinalReport {
        FinalReport { evaluator: self.evaluator.clone(), flight: Flight::new(self.store.clone(), WorkerId::new()) }
    }

    /// Workers that take `lanes` tasks at once each.
    pub async fn crew(&self, workers: usize, lanes: usize) -> Crew {
        let mut crew =
            Crew { queue: MemoryQueue::new(), replies: MemoryReplies::new(), shutdown: CancellationToken::new(), workers: Vec::new() };
        for _ in 0..workers {
            let (queue, replies) = (Arc::new(crew.queue.clone()), Arc::new(crew.replies.clone()));
            let beside = self.store.beside().await.unwrap();
            let keeper = Keeper::join(beside, "test", queue.clone(), replies.clone(), Timing::default()).await.unwrap();
            let flight = Flight::new(self.store.clone(), keeper.id().clone());
            let at_once = retry::Policy { base: Duration::ZERO, ..retry::Policy::default() };
            let runtime = Runtime::new(queue, replies).concurrency(lanes.try_into().unwrap()).retry(at_once);
            let running = tokio::spawn(self.evaluator.serve_on(runtime, flight).run(crew.shutdown.clone()));
            crew.workers.push((running, keeper));
        }
        crew
    }

    /// Has the interview's report made by one worker, and reads it back.
    pub async fn report(&self) -> Report {
        let crew = self.crew(1, 1).await;
        assert_eq!(crew.ask(&Task::GenerateFinalReport { interview_id: INTERVIEW }).await, Outcome::Success(Value::Null));
        crew.leave().await;
        self.evaluator.stored_report(INTERVIEW).await.unwrap()
    }

    pub fn url(&self) -> String {
        database(&self.folder).1
    }

    pub async fn run(&self, handler: &dyn Handler, task: Task) -> Result<Value, TaskError> {
        match handler.handle(task.clone(), context(&task, &CancellationToken::new())).await? {
            Answer::Now(value) => Ok(value),
            Answer::Later => panic!("nobody else computes it"),
        }
    }
}

pub fn context(task: &Task, cancel: &CancellationToken) -> Context {
    Context { message: task.to_message(), attempt: 1, redelivered: false, cancel: cancel.clone() }
}

pub async fn fill(store: &Store, said: &[(&str, &str)]) {
    let session = store.write().await.unwrap();
    let interview =
        Interview { id: INTERVIEW, position: "백엔드 개발자".to_owned(), status: "COMPLETED".to_owned(), overall_score: None };
    session.interviews().put(&interview).await.unwrap();
    for (number, (stage, answer)) in (1..).zip(said) {
        let question = Question {
            id: number,
            content: format!("{number}번 질문에 답해 주시겠습니까?"),
            question_type: (!stage.is_empty()).then(|| (*stage).to_owned()),
            rubric_json: Some(json!({})),
        };
        session.questions().put(&question).await.unwrap();
        for (id, speaker, text) in [(number, "AI", question.content.as_str()), (1000 + number, "USER", answer)] {
            let transcript = Transcript {
                id,
                interview_id: INTERVIEW,
                speaker: speaker.to_owned(),
                text: text.to_owned(),
                question_id: Some(number),
                order: Some(id % 1000 * 2),
                total_score: None,
                rubric_score: None,
            };
            session.transcripts().put(&transcript).await.unwrap();
        }
    }
    session.commit().await.unwrap();
}
