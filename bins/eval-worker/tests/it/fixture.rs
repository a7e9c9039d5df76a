//! A store with an interview in it, and an engine that obeys its schema.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use viva_core::claim::WorkerId;
use viva_core::store::{Interview, Question, Store, Transcript, migrate};
use viva_core::{SystemClock, Task, TaskError};
use viva_llm::{Cancel, Completion, Engine, Error, Finish, ModelInfo, Request};
use viva_scoring::{Judge, Rubric, Settings};
use viva_worker::{Answer, Context, Flight, Handler};

use eval_worker::{AnalyzeAnswer, Evaluator};

pub const INTERVIEW: i32 = 153;

/// What happens while the model "thinks".
type Thought = Box<dyn FnMut(&Cancel) -> Result<(), Error> + Send>;

/// Gives every item its maximum, quoting the first segment. `during` runs while the model "thinks".
pub struct Obedient {
    info: ModelInfo,
    pub calls: AtomicUsize,
    during: Mutex<Thought>,
}

impl Obedient {
    pub fn new() -> Arc<Self> {
        Self::while_thinking(|_| Ok(()))
    }

    pub fn while_thinking(during: impl FnMut(&Cancel) -> Result<(), Error> + Send + 'static) -> Arc<Self> {
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
        Arc::new(Self { info, calls: AtomicUsize::new(0), during: Mutex::new(Box::new(during)) })
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
        (self.during.lock().unwrap())(cancel)?;
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
    _folder: TempDir,
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
        Self { evaluator: Evaluator::new(store.clone(), Arc::new(judge)), store, engine, _folder: folder }
    }

    pub fn analyze_answer(&self) -> AnalyzeAnswer {
        AnalyzeAnswer { evaluator: self.evaluator.clone(), flight: Flight::new(self.store.clone(), WorkerId::new()) }
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

async fn fill(store: &Store, said: &[(&str, &str)]) {
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
