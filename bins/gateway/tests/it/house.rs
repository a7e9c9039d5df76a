//! A gateway, a worker with a voice that costs nothing, and an interview.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use gateway::auth::{Key, Role, Tokens};
use gateway::{App, Options};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_core::audio::Audio;
use viva_core::digest::sha256_hex;
use viva_core::evaluation::Evaluation;
use viva_core::store::{self, Interview, Question, ReportRow, Store, Transcript};
use viva_core::task::{ANALYZE_ANSWER, GENERATE_EMBEDDINGS, GENERATE_FINAL_REPORT, SYNTHESIZE, Synthesize, Task};
use viva_core::{Digest, TaskError};
use viva_worker::{Answer, Closing, Context, Handler, Keeper, MemoryQueue, MemoryReplies, Runtime, Timing};

pub(crate) const SERVICE: &str = "service-token";
pub(crate) const RECRUITER: &str = "recruiter-token";
pub(crate) const CANDIDATE_1: &str = "candidate-1-token";
pub(crate) const CANDIDATE_2: &str = "candidate-2-token";

/// A running gateway. Its folder, and what runs in it, end with it.
pub(crate) struct House {
    pub url: String,
    pub address: SocketAddr,
    pub store: Store,
    pub audio: Audio,
    pub http: Client,
    pub stop: CancellationToken,
    pub served: Option<JoinHandle<std::io::Result<()>>>,
    _folder: TempDir,
}

pub(crate) fn options() -> Options {
    Options { rate_per_s: NonZeroU32::new(10_000).unwrap(), legacy_audio: true, ..Options::default() }
}

impl House {
    pub(crate) async fn open() -> Self {
        Self::open_with(options()).await
    }

    pub(crate) async fn open_with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("viva.db").display());
        store::migrate(&url).await.unwrap();
        Self::over(Store::connect(&url).await.unwrap(), folder, options).await
    }

    /// Over a database that is there.
    pub(crate) async fn over(store: Store, folder: TempDir, options: Options) -> Self {
        let audio = Audio::at(folder.path().join("audio")).await.unwrap();
        let tokens = Tokens::default()
            .with("platform", Role::Service, None, SERVICE)
            .with("kim", Role::Recruiter, None, RECRUITER)
            .with("one", Role::Candidate, Some(1), CANDIDATE_1)
            .with("two", Role::Candidate, Some(2), CANDIDATE_2);
        let app = App::new(store.clone(), audio.clone(), tokens, Key::random(), options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let served = tokio::spawn(gateway::serve(listener, Arc::new(app), stop.clone(), Duration::from_secs(5)));
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { url: format!("http://{address}"), address, store, audio, http, stop, served: Some(served), _folder: folder }
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(token)
    }

    pub(crate) fn post(&self, path: &str, token: &str) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.url)).bearer_auth(token)
    }

    /// An interview of one question and one answer: question and transcript have the interview's number.
    pub(crate) async fn interview(&self, id: i32) {
        let unit = self.store.write().await.unwrap();
        let interview = Interview { id, position: "backend".to_owned(), status: "COMPLETED".to_owned(), overall_score: None };
        unit.interviews().put(&interview).await.unwrap();
        let (content, question_type) = (format!("질문 {id}?"), Some("motivation".to_owned()));
        unit.questions().put(&Question { id, content, question_type, rubric_json: Some(json!({})) }).await.unwrap();
        unit.transcripts().put(&transcript(id, "USER", &format!("답변 {id}"))).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// What a worker stores when it has evaluated the answer.
    pub(crate) async fn evaluate(&self, id: i32) -> Evaluation {
        let unit = self.store.write().await.unwrap();
        let stored = unit.evaluations().record(&evaluation(id)).await.unwrap();
        unit.commit().await.unwrap();
        stored
    }

    /// What a worker stores when the report is written.
    pub(crate) async fn conclude(&self, interview_id: i32) {
        let row = ReportRow {
            id: 0,
            interview_id,
            technical_score: None,
            communication_score: None,
            cultural_fit_score: None,
            summary_text: Some("요약".to_owned()),
            details_json: Some(json!({ "overall_score": 70.0, "areas": [], "strengths": ["명확함"], "improvements": [], "notices": [] })),
            evaluator_model: None,
        };
        let unit = self.store.write().await.unwrap();
        unit.evaluation_reports().put(&row).await.unwrap();
        unit.commit().await.unwrap();
    }

    /// Ends the gateway as SIGTERM does, and waits until it has ended.
    pub(crate) async fn leave(&mut self) {
        self.stop.cancel();
        if let Some(served) = self.served.take() {
            served.await.unwrap().unwrap();
        }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(crate) fn transcript(id: i32, speaker: &str, text: &str) -> Transcript {
    Transcript {
        id,
        interview_id: id,
        speaker: speaker.to_owned(),
        text: text.to_owned(),
        question_id: Some(id),
        order: Some(0),
        total_score: None,
        rubric_score: None,
    }
}

fn evaluation(id: i32) -> Evaluation {
    let moment = "2026-03-01T12:58:06.163Z";
    let record = json!({
        "schema_version": viva_core::evaluation::SCHEMA_VERSION, "evaluation_id": viva_core::evaluation::new_id(),
        "interview_id": id, "transcript_id": id, "question_id": id, "question": format!("질문 {id}?"), "answer": format!("답변 {id}"),
        "stage": "motivation", "area": "fit", "language": "ko", "rubric": { "id": "r", "version": "1", "sha256": "0".repeat(64) },
        "status": "scored", "reason": null,
        "items": [{ "name": "logic", "title": "논리", "score": 7, "max": 10, "evidence": [] }],
        "total": 7, "max": 10, "band": "good", "feedback": null, "warnings": [],
        "provenance": {
            "computation": format!("{id}"), "input_sha256": "2".repeat(64), "prompt_version": "1",
            "model": {
                "name": "m", "architecture": "llama", "parameters": 1, "quantisation": "Q4_K_M", "sha256": "1".repeat(64),
                "template_sha256": null, "engine": "e", "numeric_class": "avx2"
            },
            "sampling": { "temperature": 0.1, "top_p": 0.95, "seed": 1, "max_tokens": 512, "samples": 1 },
            "usage": null, "worker_id": "w", "attempt": 1, "started_at": moment, "finished_at": moment
        }
    });
    serde_json::from_value(record).unwrap()
}

/// A worker that does every task, at no cost, and counts them. Its relay publishes what the gateway asks for.
pub(crate) struct Worker {
    pub count: Arc<AtomicUsize>,
    stop: CancellationToken,
    keeper: Option<Keeper>,
}

impl Worker {
    pub(crate) async fn start(house: &House) -> Self {
        let (queue, replies) = (Arc::new(MemoryQueue::new()), Arc::new(MemoryReplies::new()));
        let beside = house.store.beside().await.unwrap();
        let closing = Arc::new(Closing::new(beside.clone(), replies));
        let keeper = Keeper::join(beside, "worker", queue.clone(), closing.clone(), Timing::default()).await.unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let hand: Arc<dyn Handler> = Arc::new(Hand { store: house.store.clone(), audio: house.audio.clone(), count: count.clone() });
        let tasks = [SYNTHESIZE, GENERATE_FINAL_REPORT, ANALYZE_ANSWER, GENERATE_EMBEDDINGS];
        let runtime = tasks.into_iter().fold(Runtime::new(queue, closing), |runtime, task| runtime.handler(task, hand.clone()));
        let stop = CancellationToken::new();
        tokio::spawn(runtime.concurrency(NonZeroUsize::new(8).unwrap()).run(stop.clone()));
        Self { count, stop, keeper: Some(keeper) }
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    pub(crate) async fn leave(mut self) {
        self.stop.cancel();
        self.keeper.take().unwrap().leave().await.unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

struct Hand {
    store: Store,
    audio: Audio,
    count: Arc<AtomicUsize>,
}

/// Sixteen bits of silence, as a WAV file, of its own for each text.
pub(crate) fn sound(text: &str) -> Vec<u8> {
    let samples = 240 + text.len() as u32 * 2;
    let mut file = b"RIFF".to_vec();
    for part in [&(36 + samples * 2).to_le_bytes()[..], b"WAVEfmt ", &16u32.to_le_bytes(), &1u16.to_le_bytes(), &1u16.to_le_bytes()] {
        file.extend_from_slice(part);
    }
    for part in [&24_000u32.to_le_bytes()[..], &48_000u32.to_le_bytes(), &2u16.to_le_bytes(), &16u16.to_le_bytes(), b"data"] {
        file.extend_from_slice(part);
    }
    file.extend_from_slice(&(samples * 2).to_le_bytes());
    file.extend(sha256_hex(text.as_bytes()).bytes().cycle().take(samples as usize * 2));
    file
}

#[async_trait]
impl Handler for Hand {
    async fn handle(&self, task: Task, _: Context) -> Result<Answer, TaskError> {
        self.count.fetch_add(1, Ordering::SeqCst);
        match task {
            Task::Synthesize(Synthesize { text, .. }) if text.contains("refuse") => Err(TaskError::permanent("this text is refused")),
            Task::Synthesize(Synthesize { text, question_id, .. }) => {
                let digest = self.audio.put(sound(&text)).await.map_err(TaskError::permanent)?;
                if let Some(id) = question_id {
                    self.file(id, &text, &digest).await?;
                }
                Ok(Answer::Now(json!({ "status": "success", "sha256": digest.as_str() })))
            }
            Task::GenerateFinalReport { interview_id: 13 } => Err(TaskError::permanent("no answers to report on")),
            _ => Ok(Answer::Now(Value::Null)),
        }
    }
}

impl Hand {
    async fn file(&self, id: i32, text: &str, digest: &Digest) -> Result<(), TaskError> {
        self.audio.alias(&format!("q_{id}.wav"), digest).await.map_err(TaskError::permanent)?;
        let news = json!({ "question_id": id, "digest": digest.as_str(), "bytes": sound(text).len(), "duration_ms": 10.0, "text_sha256": sha256_hex(text.as_bytes()) });
        let unit = self.store.write().await?;
        unit.tell_of_question(id, "speech.ready", news).await?;
        Ok(unit.commit().await?)
    }
}

pub(crate) async fn json(response: Response) -> Value {
    let text = response.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Asks until the answer is as it should be.
pub(crate) async fn until(house: &House, path: &str, so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..400 {
        let value = json(house.get(path, SERVICE).send().await.unwrap()).await;
        if so(&value) {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path} never became what it should be");
}
