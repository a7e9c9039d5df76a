//! What a task costs with its claim, its outbox and its result in Postgres, beside Celery's prefork pool, which has none of them, in one
//! run on one machine: RabbitMQ, results in Redis, acks late, tasks that do nothing. Processor time is that of the
//! worker and its children, as the kernel counts it; the database's and the broker's are their own.

use std::path::Path;

use viva_testkit::{Proc, Rabbit, Redis};

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
    let theirs = desk.python(&"-m celery -A app worker -c 2 -l warning -n py@test -Q theirs".split(' ').collect::<Vec<_>>());
    let place = Place::new("postgres");
    let env = [("TEST_BROKER", &desk.broker[..]), ("TEST_RESULTS", &desk.results), ("TEST_QUEUE", "ours"), ("TEST_NODE", "viva@test")];
    let ours = place.start(&Start { env: &[&env[..], &[("RUST_LOG", "warn")]].concat(), ..Start::default() });
    for round in 0..ROUNDS {
        let first = round * 10_000;
        let (python, viva) = (desk.cost(&theirs, "theirs", first), desk.cost(&ours, "ours", first));
        println!("round {round}: {python:.3} ms in Python, {viva:.3} ms here: {:.2} of it", viva / python);
    }
}
