//! What a task costs with its claim, its outbox and its result in Postgres, beside Celery's prefork pool, which has none of them, in one
//! run on one machine: RabbitMQ, results in Redis, acks late, task events on, tasks that do nothing. Both are asked for the same tasks by
//! the same code. Processor time is that of the worker and its children, as the kernel counts it, user and system; the broker's,
//! Redis' and Postgres' are their own.

use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use viva_core::Task;
use viva_core::claim::WorkerId;
use viva_testkit::{Postgres, Proc, Rabbit, Redis, eventually};
use viva_worker::{Answer, Context, Flight, Handler as _};

use crate::crew::{Speaker, Stage, speak};
use crate::fleet::{PATIENCE, Place, Start};

const TASKS: usize = 3_000;
const ROUNDS: usize = 3;

const APP: &str = "
import os
from celery import Celery
app = Celery('app', broker=os.environ['BROKER'], backend=os.environ['RESULTS'])
app.conf.update(task_acks_late=True, task_default_queue='theirs', result_expires=600)
@app.task(name='tasks.tts.synthesize')
def synthesize(text, question_id=None):
    return {'status': 'success', 'audio_size_bytes': 1, 'duration_ms': 1.0}
";

const MEASURE: &str = "
import os, sys, time, app
pid, queue, first = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
tick, store = os.sysconf('SC_CLK_TCK'), app.app.backend.client
def family(pid):
    children = open(f'/proc/{pid}/task/{pid}/children').read().split()
    return [pid] + [one for child in children for one in family(int(child))]
def cpu_s():
    fields = [open(f'/proc/{one}/stat').read().rsplit(')', 1)[1].split() for one in family(pid)]
    return sum(int(value) for field in fields for value in field[11:13]) / tick
def run(first, count):
    store.flushdb()
    for n in range(first, first + count):
        app.app.send_task('tasks.tts.synthesize', [f'sleep 0 {n}'], {'question_id': n}, queue=queue)
    while store.dbsize() < count:
        time.sleep(0.02)
run(first, 200)
before = cpu_s()
run(first + 200, COUNT)
print('COST', (cpu_s() - before) * 1000 / COUNT, flush=True)
";

struct Desk<'a> {
    folder: &'a Path,
    broker: String,
    results: String,
}

impl Desk<'_> {
    fn python(&self, args: &[&str]) -> Proc {
        let mut command = viva_testkit::python(include_str!("../../../celery/tests/python/celery-5.7.0.txt"));
        command.current_dir(self.folder).env("BROKER", &self.broker).env("RESULTS", &self.results).args(args);
        Proc::spawn(command)
    }

    /// Milliseconds of processor time that a task costs the worker.
    fn cost(&self, worker: &Proc, queue: &str, first: usize) -> f64 {
        let code = MEASURE.replace("COUNT", &TASKS.to_string());
        let asked = self.python(&["-c", &code, &worker.pid().to_string(), queue, &first.to_string()]);
        asked.wait_for_line("COST ", PATIENCE * 5).trim_start_matches("COST ").parse().unwrap()
    }
}

/// `cargo test --release -p viva-worker --test it -- --ignored --nocapture costs_beside`
#[test]
#[ignore = "measures: for the release profile, on a machine that does nothing else"]
fn what_a_task_with_claim_and_outbox_costs_beside_pythons_pool() {
    let (folder, rabbit, redis) = (tempfile::tempdir().unwrap(), Rabbit::start(), Redis::start());
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    let desk = Desk { folder: folder.path(), broker: rabbit.url(), results: redis.url() };
    let theirs = desk.python(&"-m celery -A app worker -c 2 -E -l warning -n py@test -Q theirs".split(' ').collect::<Vec<_>>());
    let place = Place::new("postgres");
    let env = [("TEST_BROKER", &desk.broker[..]), ("TEST_RESULTS", &desk.results), ("TEST_QUEUE", "ours"), ("TEST_NODE", "viva@test")];
    let env = [&env[..], &[("TEST_PLAIN", "1"), ("RUST_LOG", "warn")]].concat();
    let ours = place.start(&Start { env: &env, ..Start::default() });
    for round in 0..ROUNDS {
        let first = round * 10_000;
        let (python, viva) = (desk.cost(&theirs, "theirs", first), desk.cost(&ours, "ours", first));
        println!("round {round}: {python:.3} ms in Python, {viva:.3} ms here: {:.2} of it", viva / python);
    }
}

/// Statements that the server sees while a task is done, each of which is a round trip.
async fn statements(postgres: &Postgres, speaker: &Speaker, text: &str, question: i32) -> usize {
    // The marks themselves are said as often as it takes until the log has them.
    let told = |line: &&str| (line.contains("execute ") || line.contains("statement: ")) && !line.contains("SELECT 'mark ");
    let logged = || postgres.log().lines().filter(told).count();
    let mark = |name: &str| {
        // Until the new settings are read, nothing is logged.
        eventually("the log has it", PATIENCE, || {
            postgres.sql(postgres.admin_url(), &format!("SELECT '{name}'"));
            postgres.log().contains(&format!("SELECT '{name}'"))
        });
        logged()
    };
    let message = speak(text, question);
    let task = Task::bind(&message).unwrap();
    let context = Context { message, attempt: 1, redelivered: false, cancel: CancellationToken::new() };
    let before = mark(&format!("mark before {text} {question}"));
    assert!(matches!(speaker.handle(task, context).await.unwrap(), Answer::Now(_)));
    mark(&format!("mark after {text} {question}")) - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_costs_few_round_trips() {
    let postgres = Postgres::start();
    let stage = Stage::at(&postgres.database(), None, |_, _| Ok(Duration::ZERO)).await;
    let speaker = Speaker { stage: stage.clone(), flight: Flight::new(stage.store.clone(), WorkerId::new()) };
    postgres.sql(postgres.admin_url(), "ALTER SYSTEM SET log_statement = 'all'");
    postgres.sql(postgres.admin_url(), "SELECT pg_reload_conf()");
    // Prepared and connected by the first.
    statements(&postgres, &speaker, "first", 1).await;
    let (new, again) = (statements(&postgres, &speaker, "second", 2).await, statements(&postgres, &speaker, "second", 3).await);
    println!("{new} statements for a new task, {again} for one whose result is there");
    // A unit of work that arrives, takes and looks, and one that ends, keeps and shows.
    // One more is seen now and then.
    assert!((9..=4 + 5 + 1).contains(&new), "{new}");
    assert!((7..=4 + 3 + 1).contains(&again), "{again}");
}
