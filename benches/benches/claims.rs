//! What single flight costs on Postgres: `cargo bench --bench claims`.
//!
//! Statements are counted in the server's own log. The server is Postgres as Debian ships it, on this machine, started for the run,
//! without fsync unless VIVA_BENCH_FSYNC=on: a disk's time is the disk's.

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use viva_core::claim::{End, Taken, WorkerId};
use viva_core::clock::Clock as _;
use viva_core::store::{Clip, Session, Store, migrate};
use viva_core::task::Synthesize;
use viva_core::{Digest, SystemClock, Task, TaskError};
use viva_testkit::Postgres;
use viva_worker::{Answer, Context, Flight, Work};

const ROUNDS: usize = 2000;
const LANES: usize = 64;
/// Between a change of the server's settings and a statement that must see it.
const RELOAD: std::time::Duration = std::time::Duration::from_millis(300);

fn main() {
    let postgres = Postgres::start();
    if std::env::var("VIVA_BENCH_FSYNC").is_ok_and(|value| value == "on") {
        postgres.sql(postgres.admin_url(), "ALTER SYSTEM SET fsync = on");
        postgres.restart();
    }
    let url = postgres.database();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(run(&postgres, &url)).expect("the database answers");
}

async fn run(postgres: &Postgres, url: &str) -> Result<(), TaskError> {
    migrate(url).await?;
    let store = Store::connect(url).await?;
    let (worker, flight) = (WorkerId::new(), Flight::new(store.clone(), WorkerId::new()));
    println!("{:<46} {:>10} {:>8} {:>8} {:>8}", "", "statements", "p50 ms", "p99 ms", "per s");
    let claim = move |number: usize| claim_and_settle(store.clone(), worker.clone(), number);
    measure(postgres, url, "claim and settle", claim).await?;
    let once = flight.clone();
    measure(postgres, url, "a task from arrival to settled", move |number| fly(once.clone(), number, number)).await?;
    fly(flight.clone(), usize::MAX, 0).await?;
    measure(postgres, url, "a duplicate of what is finished", move |number| fly(flight.clone(), usize::MAX, number)).await
}

/// Once with every statement logged, then many times alone, then in 64 lanes.
async fn measure<F, R>(postgres: &Postgres, url: &str, name: &str, step: F) -> Result<(), TaskError>
where
    F: Fn(usize) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<(), TaskError>> + Send + 'static,
{
    step(10_000_000).await?;
    let statements = count_statements(postgres, url, step(10_000_001)).await?;
    let alone = lane(step.clone(), 1, ROUNDS).await?;
    show(&format!("{name}, alone"), statements, 1, alone);
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        lanes.spawn(lane(step.clone(), (number + 2) * ROUNDS, ROUNDS / 16));
    }
    let parallel = lanes.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    show(&format!("{name}, {LANES} in parallel"), statements, LANES, parallel);
    Ok(())
}

async fn lane<F, R>(step: F, from: usize, rounds: usize) -> Result<Vec<f64>, TaskError>
where
    F: Fn(usize) -> R,
    R: Future<Output = Result<(), TaskError>>,
{
    let mut took_ms = Vec::with_capacity(rounds);
    for number in from..from + rounds {
        let begin = SystemClock.monotonic();
        step(number).await?;
        took_ms.push(SystemClock.monotonic().since(begin).as_secs_f64() * 1e3);
    }
    Ok(took_ms)
}

fn show(name: &str, statements: usize, lanes: usize, mut took_ms: Vec<f64>) {
    took_ms.sort_by(f64::total_cmp);
    let at = |share: f64| took_ms[((took_ms.len() - 1) as f64 * share) as usize];
    let mean_ms = took_ms.iter().sum::<f64>() / took_ms.len() as f64;
    println!("{name:<46} {statements:>10} {:>8.2} {:>8.2} {:>8.0}", at(0.5), at(0.99), 1e3 / mean_ms * lanes as f64);
}

/// Statements that the server sees during `step`. Each is a round trip.
async fn count_statements(postgres: &Postgres, url: &str, step: impl Future<Output = Result<(), TaskError>>) -> Result<usize, TaskError> {
    let log_statements = |which: &str| {
        postgres.sql(url, &format!("ALTER SYSTEM SET log_statement = '{which}'"));
        postgres.sql(url, "SELECT pg_reload_conf()");
        tokio::time::sleep(RELOAD)
    };
    let logged = || postgres.log().lines().filter(|line| line.contains("execute ") || line.contains("statement: ")).count();
    log_statements("all").await;
    let before = logged();
    step.await?;
    let after = logged();
    log_statements("none").await;
    Ok(after - before)
}

fn digest(number: usize) -> Digest {
    Digest::of_computation("bench", &[("number", &number.to_string())])
}

async fn claim_and_settle(store: Store, worker: WorkerId, number: usize) -> Result<(), TaskError> {
    let unit = store.write().await?;
    let Taken::Ours(claim) = unit.claims().take(&digest(number), &worker).await? else {
        return Err(TaskError::permanent("it is held"));
    };
    unit.commit().await?;
    let unit = store.write().await?;
    if !unit.claims().end(&claim, End::Settled).await? {
        return Err(TaskError::permanent("it was lost"));
    }
    Ok(unit.commit().await?)
}

/// A task with a file to replace, whose computation costs nothing.
async fn fly(flight: Flight, computation: usize, question: usize) -> Result<(), TaskError> {
    let question_id = Some(question as i32);
    let task =
        Task::Synthesize(Synthesize { text: String::new(), language: String::new(), speed: 1.0, question_id, voice: None, format: None });
    let context = Context { message: task.to_message(), attempt: 1, redelivered: false, cancel: CancellationToken::new() };
    let computation = digest(computation);
    match flight.fly(&Nothing(computation.clone()), &computation, &task, &context).await? {
        Answer::Now(_) => Ok(()),
        Answer::Later => Err(TaskError::permanent("somebody else computes it")),
    }
}

struct Nothing(Digest);

#[async_trait]
impl Work for Nothing {
    type Output = Clip;

    async fn find(&self, unit: &Session) -> Result<Option<Clip>, TaskError> {
        Ok(unit.speech_clips().find(&self.0).await?)
    }

    async fn compute(&self, _: &CancellationToken) -> Result<Clip, TaskError> {
        Ok(Clip { computation: self.0.clone(), digest: self.0.clone(), bytes: 1, duration_ms: 1.0, created_at_ms: 0 })
    }

    async fn keep(&self, unit: &Session, made: Clip) -> Result<Clip, TaskError> {
        Ok(unit.speech_clips().record(&made).await?)
    }

    fn target(&self, task: &Task) -> Option<String> {
        let Task::Synthesize(task) = task else { return None };
        task.question_id.map(|id| format!("q_{id}.wav"))
    }

    async fn show(&self, _: &Session, _: &Task, _: &Clip) -> Result<(), TaskError> {
        Ok(())
    }

    fn answer(&self, _: &Task, _: &Clip, cached: bool) -> Value {
        json!({ "cached": cached })
    }
}
