//! The same situation, the same minute: what Celery's own worker reports of a busy neighbour and of a wrong clock, and what Viva does.

use std::path::Path;
use std::time::Duration;

use viva_testkit::{FakeClock, Proc, Rabbit};

use crate::fleet::{PATIENCE, Place, Start, answer, ask, finish, succeeded};

/// Longer than the 16 s from which Celery calls it drift.
const BUSY_S: u64 = 20;

const APP: &str = "
import os, time
from celery import Celery
app = Celery('app', broker=os.environ['BROKER'])
@app.task
def busy(seconds):
    time.sleep(seconds)
";

/// Celery's worker with one thread for everything, under a clock of its own.
fn celery(folder: &Path, broker: &str, name: &str, clock: Option<&FakeClock>) -> Proc {
    let mut command = viva_testkit::python(include_str!("../../../celery/tests/python/celery-5.7.0.txt"));
    command.current_dir(folder).env("BROKER", broker).envs(clock.map(FakeClock::env).unwrap_or_default());
    command.args(["-m", "celery", "-A", "app", "worker", "-P", "solo", "-l", "info", "-n", &format!("{name}@test"), "-Q", name]);
    let worker = Proc::spawn(command);
    worker.wait_for_line("ready.", PATIENCE);
    worker
}

#[test]
fn a_busy_worker_whose_clock_is_right_is_told_so() {
    let (folder, broker) = (tempfile::tempdir().unwrap(), Rabbit::shared().vhost());
    std::fs::write(folder.path().join("app.py"), APP).unwrap();
    let ahead = FakeClock::ahead_by(33);
    let theirs =
        [("right", None), ("ahead", Some(&ahead)), ("busy", None)].map(|(name, clock)| celery(folder.path(), &broker, name, clock));
    let place = Place::new("postgres");
    let one_thread = [("TOKIO_WORKER_THREADS", "1")];
    let ours =
        [None, Some(&ahead)].map(|clock| place.start(&Start { rhythm: Some((1000, 10_000)), clock, env: &one_thread, ..Start::default() }));

    let mut send = viva_testkit::python(include_str!("../../../celery/tests/python/celery-5.7.0.txt"));
    send.current_dir(folder.path()).env("BROKER", &broker);
    let code = format!("from app import busy; busy.apply_async(({BUSY_S},), queue='busy')");
    assert!(send.args(["-c", &code]).status().unwrap().success());
    ask(&ours[0], "busy", &format!("block {} busy", BUSY_S * 1000));

    // Celery: the busy one blames the clock of a neighbour whose clock is right.
    let blamed = theirs[2].wait_for_line("Substantial drift from right@test", PATIENCE + Duration::from_secs(BUSY_S));
    println!("celery, busy, clocks right: {blamed}");
    println!("celery, one clock 33 s off: {}", theirs[0].wait_for_line("Substantial drift from ahead@test", PATIENCE));
    assert!(blamed.contains("may mean clocks are out of sync"));

    // Viva: it was late, its clock is right; and the one whose clock is off is told that, and works on.
    assert!(succeeded(&answer(&ours[0], "busy")));
    let said = ours[0].wait_for_line("this worker read its mail", PATIENCE);
    println!("viva, busy, clocks right:   {said}");
    assert!(said.contains("its clock is right"));
    let said = ours[1].wait_for_line("its clock is 33 s ahead of the database's", PATIENCE);
    println!("viva, one clock 33 s off:   {said}");
    for measured in ours.each_ref().map(finish) {
        assert_eq!(measured["viva_workers_declared_gone_total"].as_u64(), None);
    }
}
