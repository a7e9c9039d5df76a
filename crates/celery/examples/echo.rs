//! A worker with a handful of tasks, for trying things out and for this crate's own tests.
//!
//! ```text
//! cargo run -p viva-celery --example echo -- --broker-url amqp://guest:guest@localhost// --concurrency 2
//! python -c "from celery import Celery; print(Celery(broker='amqp://', backend='rpc://').send_task('tasks.add', (1, 2)).get())"
//! ```

use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use serde_json::{Value, json};
use viva_celery::{CancelReason, Delivery, Exception, Node, ResultBackend, Settings, Unknown};

/// The tasks of this worker.
const TASKS: [&str; 13] = [
    "tasks.add",
    "tasks.mul",
    "tasks.tsum",
    "tasks.echo",
    "tasks.noop",
    "tasks.fail",
    "tasks.sleep",
    "tasks.spin",
    "tasks.retry",
    "tasks.kwargs",
    "tasks.large",
    "tasks.log_error",
    "tasks.poison",
];

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
    queue_type: viva_celery::QueueType,
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
    /// A file that gets a line for each task that began, for counting.
    #[arg(long, env = "LEDGER")]
    ledger: Option<std::path::PathBuf>,
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

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let flags = Flags::parse();
    let node = Node::start(flags.settings())?;
    let ledger = Arc::new(flags.ledger.clone());
    let asked = node.shutdown_asked();
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    loop {
        tokio::select! {
            delivery = node.next() => match delivery {
                Some(delivery) => drop(tokio::spawn(work(delivery, ledger.clone()))),
                None => break,
            },
            () = asked.cancelled() => break,
            _ = term.recv() => break,
            interrupted = tokio::signal::ctrl_c() => { interrupted?; break }
        }
    }
    let left = node.shutdown(Duration::from_secs(flags.drain_s), Duration::from_secs(5)).await;
    tracing::info!(?left, "left");
    Ok(())
}

/// What came of a task.
enum Outcome {
    Returned(Value),
    Failed(Exception),
    Again(Duration, Exception),
    Poison(&'static str),
}

async fn work(mut delivery: Delivery, ledger: Arc<Option<std::path::PathBuf>>) {
    delivery.started().await;
    if let Some(path) = &*ledger {
        note(path, &delivery);
    }
    let (stop, soft) = (delivery.stop_token(), delivery.soft_token());
    let outcome = tokio::select! {
        outcome = run(&delivery) => Some(outcome),
        () = stop.cancelled() => None,
        // A task that could clean up would do it now; these cannot.
        () = soft.cancelled() => None,
    };
    let settled = match outcome {
        Some(Outcome::Returned(value)) => delivery.succeed(&value).await,
        Some(Outcome::Failed(exception)) => delivery.fail(&exception).await,
        Some(Outcome::Again(after, exception)) => delivery.retry(after, &exception).await,
        Some(Outcome::Poison(reason)) => delivery.dead_letter(reason).await,
        None => {
            let why: Option<CancelReason> = delivery.cancel_reason();
            tracing::info!(?why, "stopped");
            delivery.stopped().await
        }
    };
    if let Err(error) = settled {
        tracing::error!(%error, "the answer could not be given; somebody else gets the task");
    }
}

fn note(path: &std::path::Path, delivery: &Delivery) {
    use std::io::Write as _;
    let task = delivery.task();
    let line = format!("{} {} {} {}\n", task.id, task.name, task.retries, delivery.redelivered());
    let written = std::fs::OpenOptions::new().create(true).append(true).open(path).and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        tracing::error!(%error, "the ledger cannot be written");
    }
}

async fn run(delivery: &Delivery) -> Outcome {
    let task = delivery.task();
    let number = |at: usize| task.args.get(at).and_then(Value::as_f64).or_else(|| task.kwargs.get(["x", "y"][at.min(1)]).and_then(Value::as_f64));
    let wrong = |takes: &str| {
        let message = format!("{}() takes {takes}, not {}", task.name.rsplit('.').next().unwrap_or_default(), task.args_text());
        Outcome::Failed(Exception::new("TypeError", message))
    };
    match task.name.as_str() {
        "tasks.add" | "tasks.mul" => match (number(0), number(1)) {
            (Some(a), Some(b)) if task.args.len() + task.kwargs.len() == 2 => {
                Outcome::Returned(plain(if task.name == "tasks.add" { a + b } else { a * b }))
            }
            _ => wrong("two numbers"),
        },
        "tasks.tsum" => match task.args.first().and_then(Value::as_array) {
            Some(items) => Outcome::Returned(plain(items.iter().filter_map(Value::as_f64).sum())),
            None => wrong("a list"),
        },
        "tasks.echo" => Outcome::Returned(json!({ "args": task.args, "kwargs": task.kwargs })),
        "tasks.kwargs" => Outcome::Returned(Value::Object(task.kwargs.clone())),
        "tasks.noop" => Outcome::Returned(Value::Null),
        "tasks.log_error" => {
            tracing::info!(args = task.args_text(), "errback");
            Outcome::Returned(json!(task.args))
        }
        "tasks.fail" => Outcome::Failed(Exception::new("ValueError", "boom").with_args(vec![json!("boom"), json!(3)]).with_traceback("in Rust")),
        "tasks.sleep" => {
            tokio::time::sleep(Duration::from_secs_f64(number(0).unwrap_or(1.0).clamp(0.0, 86_400.0))).await;
            Outcome::Returned(json!("slept"))
        }
        "tasks.spin" => spin(number(0).unwrap_or(1.0)).await,
        "tasks.large" => Outcome::Returned(json!("x".repeat(number(0).unwrap_or(1e6).clamp(0.0, 1e8) as usize))),
        // Fails as often as the first argument says, then returns how often it was tried.
        "tasks.retry" if f64::from(task.retries) < number(0).unwrap_or(2.0) => {
            let after = Duration::from_secs_f64(number(1).unwrap_or(0.1).clamp(0.0, 3600.0));
            Outcome::Again(after, Exception::new("KeyError", "k").with_traceback("in Rust"))
        }
        "tasks.retry" => Outcome::Returned(json!(task.retries)),
        "tasks.poison" => Outcome::Poison("it was asked to be"),
        other => Outcome::Failed(Exception::not_registered(other)),
    }
}

/// Whole numbers as Python writes them.
fn plain(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 { json!(number as i64) } else { json!(number) }
}

/// Computes on all cores for some seconds, as an engine would: on threads of its own.
async fn spin(seconds: f64) -> Outcome {
    let until = tokio::time::Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 3600.0));
    let busy = move || {
        let mut x = 1_u64;
        while tokio::time::Instant::now() < until {
            for _ in 0..100_000 {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            }
        }
        x
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads: Vec<_> = (0..2 * cores).map(|_| tokio::task::spawn_blocking(busy)).collect();
    for thread in threads {
        thread.await.ok();
    }
    Outcome::Returned(json!("spun"))
}
