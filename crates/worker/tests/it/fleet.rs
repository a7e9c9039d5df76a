//! Worker processes: this test binary, run again, with an engine that costs nothing. Each has a queue in memory that its standard
//! input feeds; the test is their broker.
//!
//! What the engine does is the beginning of a text: `sleep 300` takes so many milliseconds, `block 300` holds a thread of the
//! runtime meanwhile, `spin 300` every core; `hang` never ends, `abort` ends the process, `memory` finds none left the first time.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::{Value, json};
use viva_core::TaskError;
use viva_core::store::migrate;
use viva_core::task::SYNTHESIZE;
use viva_testkit::{FakeClock, Postgres, Proc};
use viva_worker::serve::{BrokerArgs, Kind};
use viva_worker::{Runtime, Timing, logging, serve, stdio};

use crate::crew::{Speaker, Stage};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// A database, and the workers of one test.
pub struct Place {
    pub url: String,
    _folder: Option<tempfile::TempDir>,
}

/// How a worker process is started.
#[derive(Default)]
pub struct Start<'a> {
    /// Where its database is, where that is not the place's own address.
    pub url: Option<&'a str>,
    /// Its beat and time to live, in milliseconds; the usual ones without.
    pub rhythm: Option<(u64, u64)>,
    /// Its wall clock; the machine's without.
    pub clock: Option<&'a FakeClock>,
    /// More of its environment.
    pub env: &'a [(&'a str, &'a str)],
}

impl Place {
    pub fn new(kind: &str) -> Self {
        match kind {
            "sqlite" => {
                let folder = tempfile::tempdir().unwrap();
                Self::made(&format!("sqlite://{}/viva.db", folder.path().display()), Some(folder))
            }
            _ => Self::at(&Postgres::shared().database()),
        }
    }

    /// Over an empty database that the test keeps.
    pub fn at(url: &str) -> Self {
        Self::made(url, None)
    }

    fn made(url: &str, folder: Option<tempfile::TempDir>) -> Self {
        block_on(async { drop(migrate(url).await.unwrap()) });
        Self { url: url.to_owned(), _folder: folder }
    }

    pub fn worker(&self) -> Proc {
        self.start(&Start::default())
    }

    /// Starts a worker; returns when it has joined.
    pub fn start(&self, start: &Start<'_>) -> Proc {
        let url = start.url.unwrap_or(&self.url);
        let (beat_ms, ttl_ms) = start.rhythm.unwrap_or((1000, 20_000));
        let (beat_ms, ttl_ms) = (beat_ms.to_string(), ttl_ms.to_string());
        let clock = start.clock.map(FakeClock::env).unwrap_or_default();
        let mut env = vec![("TEST_DB", url), ("BEAT_MS", &beat_ms), ("TTL_MS", &ttl_ms)];
        env.extend(clock.iter().map(|(name, value)| (*name, &value[..])));
        env.extend(start.env);
        let worker = Proc::rerun("fleet::a_worker", "worker", &env);
        worker.wait_for_line("READY", PATIENCE);
        worker
    }

    /// One number that the database answers.
    pub fn number(&self, sql: &str) -> i64 {
        viva_testkit::sql_number(&self.url, sql)
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// Gives a worker a task.
pub fn ask(worker: &Proc, id: &str, text: &str) {
    worker.send_line(&line(id, text, 1));
}

/// A task as a line of its input.
pub fn line(id: &str, text: &str, question: i32) -> String {
    json!({ "id": id, "task": SYNTHESIZE, "args": [text], "kwargs": { "question_id": question } }).to_string()
}

/// Waits for the worker's answer to a task.
pub fn answer(worker: &Proc, id: &str) -> Value {
    let line = worker.wait_for_line(&format!("{{\"id\":\"{id}\""), PATIENCE);
    serde_json::from_str(&line).unwrap()
}

pub fn succeeded(answer: &Value) -> bool {
    answer["status"] == "SUCCESS"
}

/// Ends a worker's input and returns what it measured: counters as numbers, histograms as lists.
pub fn finish(worker: &Proc) -> Value {
    worker.close_stdin();
    let line = worker.wait_for_line("MEASURED ", PATIENCE);
    assert!(worker.wait(PATIENCE).success());
    serde_json::from_str(line.trim_start_matches("MEASURED ")).unwrap()
}

/// What the tests start; by itself it is no test.
#[test]
#[ignore = "started by the tests of the fleet"]
fn a_worker() {
    if viva_testkit::role().as_deref() != Some("worker") {
        return;
    }
    logging::init("viva_worker=debug,info");
    let measured = DebuggingRecorder::new();
    let snapshots = measured.snapshotter();
    // It keeps every value: no worker does.
    if !is_plain() {
        measured.install().unwrap();
    }
    block_on(work());
    let values = snapshots.snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
        let value = match value {
            DebugValue::Counter(n) => json!(n),
            DebugValue::Gauge(x) => json!(x.into_inner()),
            DebugValue::Histogram(all) => json!(all.into_iter().map(f64::from).collect::<Vec<f64>>()),
        };
        (key.key().name().to_owned(), value)
    });
    println!("MEASURED {}", Value::Object(values.collect()));
}

/// As workers are: nothing is said or kept for a test.
fn is_plain() -> bool {
    std::env::var_os("TEST_PLAIN").is_some()
}

async fn work() {
    let var = |name| std::env::var(name).unwrap();
    let timing = Timing::new(var("BEAT_MS").parse().unwrap(), var("TTL_MS").parse().unwrap()).unwrap();
    let stage = Stage::at(&var("TEST_DB"), None, |_, text| engine(text)).await;
    let register = |runtime: Runtime, flight| {
        println!("READY");
        runtime.concurrency(16.try_into().unwrap()).handler(SYNTHESIZE, Arc::new(Speaker { stage: stage.clone(), flight }))
    };
    let ran = match std::env::var("TEST_BROKER") {
        Ok(broker) => serve::run(stage.store.clone(), broker_args(broker), KIND, timing, register).await,
        Err(_) => stdio::run(stage.store.clone(), "test", timing, register).await,
    };
    if let Err(error) = ran {
        println!("FAILED {}", error.chain());
        std::process::exit(1);
    }
}

const KIND: Kind = Kind { name: "test", queues: &[], tasks: &[SYNTHESIZE], concurrency: NonZeroUsize::new(16).unwrap() };

fn broker_args(broker_url: String) -> BrokerArgs {
    let var = |name| std::env::var(name).unwrap();
    BrokerArgs {
        result_backend: var("TEST_RESULTS"),
        queues: vec![var("TEST_QUEUE")],
        node_name: Some(var("TEST_NODE")),
        drain_s: 5,
        ..BrokerArgs::at(broker_url)
    }
}

/// What the text says.
fn engine(text: &str) -> Result<Duration, TaskError> {
    static MEMORY: AtomicBool = AtomicBool::new(false);
    if !is_plain() {
        println!("SPEAKING {text}");
    }
    let (what, rest) = text.split_once(' ').unwrap_or((text, ""));
    match what {
        "hang" => loop {
            std::thread::park();
        },
        "abort" => std::process::abort(),
        "block" => {
            std::thread::sleep(milliseconds(rest));
            Ok(Duration::ZERO)
        }
        "spin" => {
            spin(milliseconds(rest));
            Ok(Duration::ZERO)
        }
        "memory" if !MEMORY.swap(true, Ordering::SeqCst) => Err(TaskError::transient("out of memory")),
        _ => Ok(milliseconds(rest)),
    }
}

fn milliseconds(text: &str) -> Duration {
    Duration::from_millis(text.split(' ').next().and_then(|ms| ms.parse().ok()).unwrap_or_default())
}

/// Keeps every core busy, as a model does.
fn spin(for_so_long: Duration) {
    let cores = std::thread::available_parallelism().unwrap().get();
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let since = tokio::time::Instant::now();
                let mut x = 0.1_f64;
                while since.elapsed() < for_so_long {
                    for _ in 0..100_000 {
                        x = std::hint::black_box(x.mul_add(1.000_001, 0.5).sqrt());
                    }
                }
            });
        }
    });
}
