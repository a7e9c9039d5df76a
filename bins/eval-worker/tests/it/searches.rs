//! A thousand searches on a real server: nothing in its log, nobody idle in a transaction, and the very passages that comparing
//! everything finds.

use std::sync::Arc;
use std::time::Duration;

use eval_worker::resume::Resumes;
use viva_core::Digest;
use viva_core::store::{ResumeChunk, ResumeChunkSet};
use viva_retrieval::{Encoder, Purpose, Retriever, from_bytes, to_bytes};
use viva_testkit::{Postgres, eventually};

use crate::interviewer::{RESUME, Stage, Talker, Words};

/// As many numbers as KURE's vectors have.
const WIDTH: usize = 1024;
const PASSAGES: usize = 40;
const RESUMES: usize = 5;

/// Numbers that differ from text to text.
struct Hashed {
    wait: Duration,
}

impl Encoder for Hashed {
    fn id(&self) -> &'static str {
        "hashed"
    }

    fn count(&self, text: &str) -> Result<usize, viva_retrieval::Error> {
        Ok(text.split_whitespace().count())
    }

    fn limit(&self) -> usize {
        100
    }

    fn encode(&self, _: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, viva_retrieval::Error> {
        std::thread::sleep(self.wait);
        Ok(texts.iter().map(|text| vector(text)).collect())
    }
}

fn vector(text: &str) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(WIDTH);
    let mut seed = Digest::of(text.as_bytes());
    while numbers.len() < WIDTH {
        numbers.extend(seed.as_str().bytes().map(|byte| f32::from(byte) - 77.0));
        seed = Digest::of(seed.as_str().as_bytes());
    }
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.iter().map(|number| number / length).collect()
}

/// What a search must find: every product in 64 bits, the best picked one by one.
fn brute_force(query: &[f32], chunks: &[ResumeChunk], most: usize) -> Vec<usize> {
    let mut scores = Vec::new();
    for chunk in chunks {
        let mut score = 0.0_f64;
        for (at, number) in from_bytes(&chunk.embedding).unwrap().into_iter().enumerate() {
            score += f64::from(number) * f64::from(query[at]);
        }
        scores.push(score);
    }
    let mut best = Vec::new();
    while best.len() < most {
        let next = (0..scores.len()).filter(|at| !best.contains(at)).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap();
        best.push(next);
    }
    best
}

/// Searches `times` with a model that takes `thinks` for each new query, where the server ends whoever is idle in a transaction for
/// longer than `idle`.
async fn search(times: usize, thinks: Duration, idle: Duration) {
    let server = Postgres::start();
    let url = server.database();
    let name = url.rsplit('/').next().unwrap();
    server.sql(&url, &format!("ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '{}ms'", idle.as_millis()));
    let stage = Stage::at(&url, Talker::asking("무엇을 하셨나요?"), Words::new()).await;
    let retriever = Retriever::new(Arc::new(Hashed { wait: thinks }));
    let all = fill(&stage, &retriever.id()).await;
    let resumes = Resumes::new(stage.store.clone(), Arc::new(retriever));
    for round in 0..times {
        let (at, query) = (round % RESUMES, format!("질문 {}", round % (times / 20)));
        let found = resumes.passages(at as i32 + 1, &query, 3).await.unwrap();
        let expected = brute_force(&vector(&query), &all[at], 3);
        assert_eq!(found.iter().map(|passage| passage.start).collect::<Vec<_>>(), expected, "{query}");
    }
    let log = server.log();
    assert!(log.contains("ready to accept connections"), "this is the server's log");
    for complaint in ["already a transaction", "no transaction in progress", "idle-in-transaction", "WARNING", "FATAL", "ERROR"] {
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(complaint)).collect();
        assert_eq!(lines, Vec::<&str>::new());
    }

    // The trap is set: a unit of work that is held open that long is caught.
    let held = stage.store.read().await.unwrap();
    held.resumes().get(RESUME).await.unwrap();
    let caught = || server.log().contains("idle-in-transaction timeout");
    tokio::task::block_in_place(|| eventually("the server to end an idle transaction", idle + Duration::from_secs(20), caught));
    drop(held);
}

/// Some resumes of many passages each.
async fn fill(stage: &Stage, model: &str) -> Vec<Vec<ResumeChunk>> {
    let mut all = Vec::new();
    for resume_id in 1..=RESUMES {
        let chunk = |number: usize| {
            let text = format!("이력서 {resume_id}의 {number}번째 대목");
            ResumeChunk { section: String::new(), start: number, end: number + 1, embedding: to_bytes(&vector(&text)), text }
        };
        let (computation, chunks) = (Digest::of(&resume_id.to_le_bytes()), (0..PASSAGES).map(chunk).collect());
        let set = ResumeChunkSet { computation, model: model.to_owned(), chunks };
        let unit = stage.store.write().await.unwrap();
        unit.resume_chunks().replace(resume_id as i32, &set).await.unwrap();
        unit.commit().await.unwrap();
        all.push(set.chunks);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_find_what_comparing_everything_finds_and_leave_the_server_in_peace() {
    search(60, Duration::from_secs(4), Duration::from_secs(3)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "fifty milliseconds are a measurement: run it alone on the machine"]
async fn a_thousand_searches_leave_nobody_idle_in_a_transaction_for_fifty_milliseconds() {
    search(1_000, Duration::from_millis(120), Duration::from_millis(50)).await;
}
