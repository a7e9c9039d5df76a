//! A store with an interview and a resume, an encoder that knows three words, and a model that says what it is told.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eval_worker::resume::{GenerateEmbeddings, Resumes};
use eval_worker::{GenerateNextQuestion, Interviewer, PreloadModel};
use serde_json::{Value, json};
use tempfile::TempDir;
use viva_core::claim::WorkerId;
use viva_core::store::{Interview, Letter, Question, Resume, Store, Transcript, migrate};
use viva_core::{Task, TaskError};
use viva_llm::{Cancel, Completion, Engine, Error, Finish, ModelInfo, Priority, Request};
use viva_retrieval::{Encoder, Purpose, Retriever};
use viva_worker::{Answer, Flight, Handler};

use crate::fixture::context;

pub const INTERVIEW: i32 = 153;
pub const RESUME: i32 = 7;
pub const RESUME_TEXT: &str = "[경력]
결제 승인 지연을 줄였습니다. 장애 기록을 남겼습니다.

[활동]
동료와 의견이 달라 함께 실험해 보고 합의했습니다.

[학력]
컴퓨터공학을 전공했습니다.
";

/// A direction for each of these words, and one more that every text has: a text's vector says which it contains.
const WORDS: [&str; 4] = ["동료", "지연", "전공", "배운"];

/// Counts what it is asked; `wait` runs while it "computes".
pub struct Words {
    pub texts: AtomicUsize,
    id: String,
    wait: Box<dyn Fn() + Send + Sync>,
}

impl Words {
    pub fn new() -> Arc<Self> {
        Self::of("words", || {})
    }

    /// Another model, or one that takes its time.
    pub fn of(id: &str, wait: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { texts: AtomicUsize::new(0), id: id.to_owned(), wait: Box::new(wait) })
    }

    pub fn texts(&self) -> usize {
        self.texts.load(Ordering::SeqCst)
    }
}

impl Encoder for Words {
    fn id(&self) -> &str {
        &self.id
    }

    fn count(&self, text: &str) -> Result<usize, viva_retrieval::Error> {
        Ok(text.split_whitespace().count())
    }

    fn limit(&self) -> usize {
        40
    }

    fn encode(&self, _: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, viva_retrieval::Error> {
        (self.wait)();
        self.texts.fetch_add(texts.len(), Ordering::SeqCst);
        let vector = |text: &&str| {
            let mut vector: Vec<f32> = WORDS.iter().map(|word| f32::from(u8::from(text.contains(word)))).collect();
            vector.push(0.1);
            let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
            vector.iter().map(|number| number / length).collect()
        };
        Ok(texts.iter().map(vector).collect())
    }
}

type Thought = Box<dyn Fn(&Request, &Cancel) -> Result<String, Error> + Send + Sync>;

/// Says what it is told, and remembers what it was asked.
pub struct Talker {
    info: ModelInfo,
    says: Thought,
    pub asked: Mutex<Vec<Request>>,
}

impl Talker {
    pub fn saying(says: impl Fn(&Request, &Cancel) -> Result<String, Error> + Send + Sync + 'static) -> Arc<Self> {
        let info = ModelInfo {
            name: "talker".to_owned(),
            architecture: "none".to_owned(),
            parameters: 1,
            quantisation: "F32".to_owned(),
            sha256: "ab".repeat(32),
            context_length: 8192,
            template_sha256: None,
            engine: "fake 1".to_owned(),
            numeric_class: "test".to_owned(),
        };
        Arc::new(Self { info, says: Box::new(says), asked: Mutex::new(Vec::new()) })
    }

    /// Says this, as the schema has it.
    pub fn asking(question: &str) -> Arc<Self> {
        let reply = json!({ "question": question }).to_string();
        Self::saying(move |_, _| Ok(reply.clone()))
    }

    pub fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl Engine for Talker {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn complete(&self, request: &Request, cancel: &Cancel, _: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        assert_eq!(request.priority, Priority::Interactive, "somebody waits for a question");
        self.asked.lock().unwrap().push(request.clone());
        let text = (self.says)(request, cancel)?;
        Ok(Completion {
            text,
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

pub struct Stage {
    pub store: Store,
    pub engine: Arc<Talker>,
    pub words: Arc<Words>,
    pub resumes: Resumes,
    pub interviewer: Interviewer,
    pub flight: Flight,
    pub url: String,
    _folder: Option<TempDir>,
}

impl Stage {
    /// On a file of the test's own.
    pub async fn new(engine: Arc<Talker>, words: Arc<Words>) -> Self {
        let folder = TempDir::new().unwrap();
        let path: PathBuf = folder.path().join("viva.db");
        let stage = Self::at(&format!("sqlite://{}", path.display()), engine, words).await;
        Self { _folder: Some(folder), ..stage }
    }

    pub async fn at(url: &str, engine: Arc<Talker>, words: Arc<Words>) -> Self {
        migrate(url).await.unwrap();
        let store = Store::connect(url).await.unwrap();
        let unit = store.write().await.unwrap();
        let interview =
            Interview { id: INTERVIEW, position: "백엔드 개발자".to_owned(), status: "LIVE".to_owned(), overall_score: None };
        unit.interviews().put(&interview).await.unwrap();
        unit.interviews().attach_resume(INTERVIEW, RESUME).await.unwrap();
        unit.resumes().put(&resume(RESUME_TEXT)).await.unwrap();
        unit.commit().await.unwrap();
        let resumes = Resumes::new(store.clone(), Arc::new(Retriever::new(words.clone())));
        let interviewer = Interviewer::new(store.clone(), engine.clone(), Some(resumes.clone())).patience(Duration::from_secs(20));
        let flight = Flight::new(store.clone(), WorkerId::new());
        Self { store, engine, words, resumes, interviewer, flight, url: url.to_owned(), _folder: None }
    }

    pub async fn resume(&self, text: &str) {
        let unit = self.store.write().await.unwrap();
        unit.resumes().put(&resume(text)).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// The candidate has been asked `stage` and answered; ids count from 1000.
    pub async fn said(&self, stage: &str, answer: &str) {
        let unit = self.store.write().await.unwrap();
        let number = unit.transcripts().turns(INTERVIEW).await.unwrap().len() as i32;
        let question = Question {
            id: 1000 + number,
            content: format!("{number}번 질문에 답해 주시겠습니까?"),
            question_type: Some(stage.to_owned()),
            rubric_json: None,
        };
        unit.questions().put(&question).await.unwrap();
        unit.transcripts().put(&row(2000 + number, "AI", &question.content, question.id, Some(2 * number))).await.unwrap();
        unit.transcripts().put(&row(3000 + number, "USER", answer, question.id, Some(2 * number + 1))).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// The candidate answers a question that stands; where in the interview, its question says. Its id is none that the database gives.
    pub async fn answers(&self, question_id: i32, answer: &str) {
        let unit = self.store.write().await.unwrap();
        unit.transcripts().put(&row(-question_id, "USER", answer, question_id, None)).await.unwrap();
        unit.commit().await.unwrap();
    }

    pub async fn next(&self) -> Result<Value, TaskError> {
        let handler = GenerateNextQuestion { interviewer: self.interviewer.clone(), flight: self.flight.clone() };
        run(&handler, Task::GenerateNextQuestion { interview_id: INTERVIEW }).await
    }

    pub async fn embed(&self) -> Result<Value, TaskError> {
        run(&self.embedding(), Task::GenerateEmbeddings { resume_id: RESUME }).await
    }

    pub fn embedding(&self) -> GenerateEmbeddings {
        GenerateEmbeddings { resumes: self.resumes.clone(), flight: self.flight.clone() }
    }

    pub async fn preload(&self) -> Result<Value, TaskError> {
        run(&PreloadModel { interviewer: self.interviewer.clone() }, Task::PreloadModel).await
    }

    /// What is to be spoken, with the question it is for.
    pub async fn spoken(&self) -> Vec<(String, Option<i32>)> {
        let unit = self.store.read().await.unwrap();
        let letters = unit.outbox().due(self.flight.worker(), 100).await.unwrap();
        let speak = |letter: &Letter| match Task::bind(letter.task()).unwrap() {
            Task::Synthesize(speak) => {
                assert_eq!((speak.language.as_str(), speak.speed), ("ko", 1.0));
                (speak.text, speak.question_id)
            }
            other => panic!("{other:?} was sent"),
        };
        letters.iter().map(|posted| speak(&posted.letter)).collect()
    }

    /// The question's record: who made it, and why if it is canned.
    pub async fn made(&self, answer: &Value) -> (String, Option<String>) {
        let unit = self.store.read().await.unwrap();
        let made = unit.next_questions().of(answer["question_id"].as_i64().unwrap() as i32).await.unwrap().unwrap();
        (made.made_by, made.details["reason"].as_str().map(str::to_owned))
    }
}

pub fn resume(text: &str) -> Resume {
    let structured_data = Some(json!({ "projects": [{ "title": "면접 도우미" }] }));
    Resume { id: RESUME, extracted_text: Some(text.to_owned()), structured_data, processing_status: "pending".to_owned() }
}

fn row(id: i32, speaker: &str, text: &str, question_id: i32, order: Option<i32>) -> Transcript {
    Transcript {
        id,
        interview_id: INTERVIEW,
        speaker: speaker.to_owned(),
        text: text.to_owned(),
        question_id: Some(question_id),
        order,
        total_score: None,
        rubric_score: None,
    }
}

async fn run(handler: &dyn Handler, task: Task) -> Result<Value, TaskError> {
    match handler.handle(task.clone(), context(&task, &tokio_util::sync::CancellationToken::new())).await? {
        Answer::Now(value) => Ok(value),
        Answer::Later => panic!("nobody else computes it"),
    }
}
