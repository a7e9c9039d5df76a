//! Worker processes that can be halted at any step and killed: this test binary, run again, with a voice that costs nothing.
//!
//! The steps are what the workers log about single flight; a child prints them, and stands still at the one it is told.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tts_worker::{Studio, SynthesizeHandler, Voice};
use viva_core::SystemClock;
use viva_core::audio::Audio;
use viva_core::store::{self, Store};
use viva_core::task::SYNTHESIZE;
use viva_speech::Speech;
use viva_testkit::{Postgres, Proc};
use viva_worker::serve::{self, BrokerArgs, Kind};
use viva_worker::{Hung, Runtime, Timing};

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A busy machine may keep a sign of life from SQLite for a second or two.
const TIMING: Timing =
    Timing { beat: Duration::from_millis(100), ttl: Duration::from_secs(4), relay: Duration::from_millis(20), hung: Hung::EndProcess };

/// What the processes of one test share.
pub(crate) struct Place {
    data: tempfile::TempDir,
    pub(crate) url: String,
}

impl Place {
    pub(crate) fn new(kind: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let url = match kind {
            "sqlite" => format!("sqlite://{}/viva.db", data.path().display()),
            _ => Postgres::shared().database(),
        };
        block_on(async { drop(store::migrate(&url).await.unwrap()) });
        Self { data, url }
    }

    /// Starts a worker whose voice takes `speak_ms`, and which stands still at the step `halt`.
    pub(crate) fn worker(&self, speak_ms: u64, halt: &str) -> Proc {
        self.worker_of("memory://", "tts@test", speak_ms, halt)
    }

    /// The same with a broker, by the name `node`.
    pub(crate) fn worker_of(&self, broker: &str, node: &str, speak_ms: u64, halt: &str) -> Proc {
        let speak_ms = speak_ms.to_string();
        let data = self.data.path().to_string_lossy().into_owned();
        let place = [("TEST_DATA", &data[..]), ("TEST_DB", &self.url), ("TEST_BROKER", broker), ("TEST_NODE", node)];
        let env: Vec<_> = place.into_iter().chain([("TEST_SPEAK_MS", &speak_ms[..]), ("TEST_HALT", halt)]).collect();
        let worker = Proc::rerun("crew::a_worker", "worker", &env);
        worker.wait_for_line("READY", PATIENCE);
        worker
    }

    /// Freezes a worker while it computes, between two of its writes.
    pub(crate) fn freeze(&self, worker: &Proc) {
        for _ in 0..100 {
            worker.stop();
            if viva_testkit::sql_unlocked(&self.url) {
                return;
            }
            worker.cont();
        }
        panic!("the worker always writes");
    }

    pub(crate) fn audio(&self, name: &str) -> PathBuf {
        self.data.path().join("audio").join(name)
    }

    /// The texts that any process has spoken, in the order in which they were begun.
    pub(crate) fn spoken(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.data.path().join("engine.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// One number that the database answers.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        viva_testkit::sql_number(&self.url, sql)
    }
}

pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

/// Gives a worker a task.
pub(crate) fn ask(worker: &Proc, id: &str, text: &str, question: i32) {
    let task = json!({ "id": id, "task": SYNTHESIZE, "args": [text], "kwargs": { "question_id": question } });
    worker.send_line(&task.to_string());
}

/// Waits for the worker's answer to a task.
pub(crate) fn answer(worker: &Proc, id: &str) -> Value {
    let line = worker.wait_for_line(&format!("{{\"id\":\"{id}\""), PATIENCE);
    serde_json::from_str(&line).unwrap()
}

/// Ends a worker's input and returns its counters.
pub(crate) fn finish(worker: &Proc) -> Value {
    worker.close_stdin();
    counters(worker)
}

/// What a worker counted that was told to leave.
pub(crate) fn counters(worker: &Proc) -> Value {
    let line = worker.wait_for_line("COUNTERS ", PATIENCE);
    assert!(worker.wait(PATIENCE).success());
    serde_json::from_str(line.trim_start_matches("COUNTERS ")).unwrap()
}

/// The samples of a text: as long as it has characters.
pub(crate) fn sound(text: &str) -> Speech {
    let samples = (0..text.chars().count() * 2400).map(|at| (at as f32 * 0.05).sin() * 0.3).collect();
    Speech { samples, sample_rate: 24_000 }
}

/// What the tests start; by itself it is no test.
#[test]
#[ignore = "started by the tests of the fleet"]
fn a_worker() {
    if viva_testkit::role().as_deref() != Some("worker") {
        return;
    }
    let counters = DebuggingRecorder::new();
    let snapshots = counters.snapshotter();
    counters.install().unwrap();
    let var = |name| std::env::var(name).unwrap();
    let steps = Steps { halt: var("TEST_HALT") };
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(steps)).unwrap();
    let broker = BrokerArgs { node_name: Some(var("TEST_NODE")), ..BrokerArgs::at(var("TEST_BROKER")) };
    block_on(work(Path::new(&var("TEST_DATA")), &var("TEST_DB"), broker, var("TEST_SPEAK_MS").parse().unwrap()));
    let counted = snapshots.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| match value {
        DebugValue::Counter(n) => Some((key.key().name().to_owned(), json!(n))),
        _ => None,
    });
    println!("COUNTERS {}", Value::Object(counted.collect()));
}

async fn work(data: &Path, url: &str, broker: BrokerArgs, speak_ms: u64) {
    let store = Store::connect(url).await.unwrap();
    let log = data.join("engine.log");
    let voice = Voice::speaking(move |recipe| {
        let mut log = std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        // One write: several processes append to it.
        log.write_all(format!("{}\n", recipe.text()).as_bytes()).unwrap();
        println!("STEP speaking");
        std::thread::sleep(Duration::from_millis(speak_ms));
        Ok(sound(recipe.text()))
    });
    let audio = Audio::at(data.join("audio")).await.unwrap();
    let studio = Arc::new(Studio::new(store.clone(), audio, voice, Arc::new(SystemClock)));
    println!("READY");
    let register = |runtime: Runtime, flight| runtime.handler(SYNTHESIZE, Arc::new(SynthesizeHandler::new(studio, flight, "jf_alpha")));
    let kind = Kind { name: "test", queues: &["cpu_queue"], tasks: &[SYNTHESIZE], concurrency: 8.try_into().unwrap() };
    serve::run(store, broker, kind, TIMING, register).await.unwrap();
}

/// Prints the steps of single flight, and warnings.
struct Steps {
    halt: String,
}

#[derive(Default)]
struct Fields {
    step: Option<String>,
    message: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "step" {
            self.step = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if matches!(field.name(), "message" | "error") {
            write!(self.message, "{value:?} ").unwrap();
        }
    }
}

impl<S: tracing::Subscriber> Layer<S> for Steps {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        if *event.metadata().level() <= tracing::Level::WARN {
            println!("WARNING {}", fields.message);
        }
        let Some(step) = fields.step else { return };
        println!("STEP {step}");
        if step == self.halt {
            println!("HALTED");
            loop {
                std::thread::park();
            }
        }
    }
}
