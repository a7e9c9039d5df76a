//! A worker with a handful of tasks, for trying things out and for this crate's own tests.
//!
//! ```text
//! cargo run -p viva-celery --example echo -- --broker-url amqp://guest:guest@localhost// --concurrency 2
//! python -c "from celery import Celery; print(Celery(broker='amqp://', backend='rpc://').send_task('tasks.add', (1, 2)).get())"
//! ```

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use viva_celery::{Delivery, Exception, Node, QueueType, ResultBackend, Settings, Task, Unknown};

/// The tasks of this worker.
const TASKS: [&str; 9] =
    ["tasks.add", "tasks.echo", "tasks.effect", "tasks.fail", "tasks.noop", "tasks.panic", "tasks.retry", "tasks.sleep", "tasks.spin"];

/// A Celery worker that adds, echoes, fails and sleeps.
#[derive(Debug, Parser)]
struct Flags {
    /// RabbitMQ, or several of a cluster as `a;b`.
    #[arg(long, env = "BROKER_URL", default_value = "amqp://guest:guest@localhost:5672//")]
    broker_url: String,
    /// `rpc://`, `redis://host:6379/0` or `none`.
    #[arg(long, env = "RESULT_BACKEND", default_value = "rpc://")]
    result_backend: ResultBackend,
    /// The queues to take tasks from.
    #[arg(long, env = "QUEUES", value_delimiter = ',', default_value = "celery")]
    queues: Vec<String>,
    /// `classic` or `quorum`, as the producers declare them.
    #[arg(long, env = "QUEUE_TYPE", default_value = "classic")]
    queue_type: QueueType,
    /// `name@host`.
    #[arg(long, env = "NODE_NAME")]
    node_name: Option<String>,
    /// How many tasks run at once.
    #[arg(long, env = "CONCURRENCY", default_value_t = 4)]
    concurrency: usize,
    /// How many messages of each queue are held; 0 for four per task.
    #[arg(long, env = "PREFETCH", default_value_t = 0)]
    prefetch: u16,
    /// Where tasks of others go; where none is given their producers get NotRegistered.
    #[arg(long, env = "UNKNOWN_TASKS_QUEUE")]
    unknown_tasks_queue: Option<String>,
    /// Where messages go that nobody can read.
    #[arg(long, env = "DEAD_QUEUE", default_value = "viva.dead")]
    dead_queue: String,
    /// The broker's consumer timeout, in seconds.
    #[arg(long, env = "CONSUMER_TIMEOUT_S", default_value_t = 1800)]
    consumer_timeout_s: u64,
    /// How many messages with an eta are held.
    #[arg(long, env = "SCHEDULED_MAX", default_value_t = 1000)]
    scheduled_max: usize,
    /// Results pass through STARTED.
    #[arg(long, env = "TRACK_STARTED")]
    track_started: bool,
    /// Results carry name and arguments.
    #[arg(long, env = "RESULT_EXTENDED")]
    result_extended: bool,
    /// No task events until they are asked for.
    #[arg(long, env = "NO_EVENTS")]
    no_events: bool,
    /// How long running tasks may go on after a shutdown began, in seconds.
    #[arg(long, env = "DRAIN_S", default_value_t = 30)]
    drain_s: u64,
    /// The file to which `tasks.effect` appends the task's id, for counting.
    #[arg(long, env = "EFFECTS_FILE")]
    effects_file: Option<PathBuf>,
}

impl Flags {
    fn settings(&self) -> Settings {
        let base = Settings::new(&self.broker_url);
        Settings {
            result_backend: self.result_backend.clone(),
            queues: self.queues.clone(),
            queue_type: self.queue_type,
            node_name: self.node_name.clone().unwrap_or_else(|| base.node_name.clone()),
            tasks: TASKS.map(str::to_owned).to_vec(),
            concurrency: self.concurrency,
            prefetch: self.prefetch,
            unknown: self.unknown_tasks_queue.clone().map_or(Unknown::NotRegistered, Unknown::Forward),
            dead_queue: self.dead_queue.clone(),
            consumer_timeout: Duration::from_secs(self.consumer_timeout_s),
            scheduled_max: self.scheduled_max,
            track_started: self.track_started,
            result_extended: self.result_extended,
            task_events: !self.no_events,
            default_queue: self.queues.first().cloned().unwrap_or_else(|| "celery".to_owned()),
            ..base
        }
    }
}

// One thread for all that waits: what computes has threads of its own, and tasks that go from thread to thread cost more than
// what they do here.
#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let flags = Flags::parse();
    let node = Node::start(flags.settings())?;
    let drain = Duration::from_secs(flags.drain_s);
    let effects = Arc::new(flags.effects_file.clone());
    let asked = node.shutdown_asked();
    let mut term = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            delivery = node.next() => match delivery {
                Some(delivery) => drop(tokio::spawn(work(delivery, effects.clone()))),
                None => break,
            },
            () = asked.cancelled() => break,
            _ = term.recv() => break,
            interrupted = tokio::signal::ctrl_c() => { interrupted?; break }
        }
    }
    let left = node.shutdown(drain, Duration::from_secs(5)).await;
    tracing::info!(?left, "left");
    Ok(())
}

/// Why a task returned nothing.
enum Failed {
    /// For good.
    With(Exception),
    /// For now.
    Again(Duration),
}

async fn work(mut delivery: Delivery, effects: Arc<Option<PathBuf>>) {
    delivery.started().await;
    let (stop, soft) = (delivery.stop_token(), delivery.soft_token());
    let returned = tokio::select! {
        returned = run(delivery.task(), effects.as_deref()) => Some(returned),
        () = stop.cancelled() => None,
        // A task that has something to clean up would do it now.
        () = soft.cancelled() => None,
    };
    let settled = match returned {
        Some(Ok(value)) => delivery.succeed(&value).await,
        Some(Err(Failed::With(exception))) => delivery.fail(&exception).await,
        Some(Err(Failed::Again(after))) => delivery.retry(after, &Exception::new("Retry", "again").in_module("celery.exceptions")).await,
        None => delivery.stopped().await,
    };
    if let Err(error) = settled {
        tracing::error!(%error, "the answer could not be given; somebody else gets the task");
    }
}

async fn run(task: &Task, effects: Option<&Path>) -> Result<Value, Failed> {
    match task.name.as_str() {
        "tasks.noop" => bind(task, [], []).map(|[]| Value::Null),
        "tasks.echo" => Ok(json!({ "args": task.args, "kwargs": task.kwargs })),
        "tasks.add" => {
            let [x, y] = bind(task, ["x", "y"], [])?;
            match (x.as_i64().zip(y.as_i64()).and_then(|(x, y)| x.checked_add(y)), x.as_f64().zip(y.as_f64())) {
                (Some(sum), _) => Ok(json!(sum)),
                (None, Some((x, y))) => Ok(json!(x + y)),
                _ => Err(type_error(task, "numbers can be added")),
            }
        }
        "tasks.fail" => {
            let defaults = [json!("ValueError"), json!("boom"), json!("builtins")];
            let [kind, message, module] = bind(task, ["exc_type", "message", "module"], defaults)?;
            let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Err(Failed::With(Exception::new(text(kind), text(message)).in_module(text(module)).with_traceback("tasks.fail in echo.rs")))
        }
        "tasks.panic" => panic!("tasks.panic was asked for"),
        "tasks.sleep" => {
            let [seconds] = bind(task, ["seconds"], [])?;
            tokio::time::sleep(duration(task, &seconds)?).await;
            Ok(seconds)
        }
        "tasks.spin" => {
            let [seconds] = bind(task, ["seconds"], [])?;
            spin(duration(task, &seconds)?).await;
            Ok(seconds)
        }
        "tasks.retry" => {
            let [times, countdown] = bind(task, ["times", "countdown"], [json!(0)])?;
            if f64::from(task.retries) < times.as_f64().unwrap_or_default() {
                return Err(Failed::Again(duration(task, &countdown)?));
            }
            Ok(json!(task.retries))
        }
        "tasks.effect" => {
            let [n, seconds] = bind(task, ["n", "seconds"], [json!(0)])?;
            tokio::time::sleep(duration(task, &seconds)?).await;
            leave(effects, &task.id).map_err(|error| Failed::With(Exception::new("OSError", error.to_string())))?;
            Ok(n)
        }
        other => Err(Failed::With(Exception::not_registered(other))),
    }
}

/// The arguments by their names, as Python binds them: the last ones have the defaults.
fn bind<const N: usize, const D: usize>(task: &Task, names: [&str; N], defaults: [Value; D]) -> Result<[Value; N], Failed> {
    let mut values: Vec<Option<Value>> = task.args.iter().cloned().map(Some).collect();
    if values.len() > N {
        return Err(type_error(task, &format!("it takes {N} arguments")));
    }
    values.resize(N, None);
    for (name, value) in &task.kwargs {
        match names.iter().position(|known| known == name) {
            Some(at) if values[at].is_none() => values[at] = Some(value.clone()),
            _ => return Err(type_error(task, &format!("got an unexpected argument {name:?}"))),
        }
    }
    for (at, default) in (N - D..N).zip(defaults) {
        values[at].get_or_insert(default);
    }
    let values: Option<Vec<Value>> = values.into_iter().collect();
    values.and_then(|values| values.try_into().ok()).ok_or_else(|| type_error(task, "an argument is missing"))
}

fn type_error(task: &Task, what: &str) -> Failed {
    let name = task.name.rsplit('.').next().unwrap_or_default();
    Failed::With(Exception::new("TypeError", format!("{name}() cannot be called with {}: {what}", task.args_text())))
}

fn duration(task: &Task, seconds: &Value) -> Result<Duration, Failed> {
    let seconds = seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| type_error(task, "a number of seconds is needed"))
}

/// One write, so that lines of several workers do not mix.
fn leave(effects: Option<&Path>, id: &str) -> std::io::Result<()> {
    let Some(effects) = effects else { return Ok(()) };
    OpenOptions::new().create(true).append(true).open(effects)?.write_all(format!("{id}\n").as_bytes())
}

/// Computes on all cores, as an engine would: on threads of its own.
async fn spin(time: Duration) {
    let until = Instant::now() + time;
    let busy = move || {
        let mut x = 1_u64;
        while Instant::now() < until {
            for _ in 0..100_000 {
                x = std::hint::black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            }
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..cores).map(|_| tokio::task::spawn_blocking(busy)).collect();
    for thread in threads {
        thread.await.ok();
    }
}
