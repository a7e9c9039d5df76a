//! Wall clocks that are wrong and wall clocks that jump change nothing; and a busy worker is not taken for one whose clock is off.

use std::time::Duration;

use serde_json::Value;
use viva_testkit::{FakeClock, Postgres, Proc, eventually};

use crate::fleet::{PATIENCE, Place, Start, answer, ask, finish, succeeded};

/// Beat and time to live, in milliseconds.
const RHYTHM: (u64, u64) = (200, 3000);

fn counted(measured: &[Value], name: &str) -> u64 {
    measured.iter().map(|counters| counters[name].as_u64().unwrap_or_default()).sum()
}

/// Nobody was taken for gone, nothing was taken from anybody.
fn nothing_happened(measured: &[Value]) {
    for name in ["viva_workers_declared_gone_total", "viva_claims_rescued_total", "viva_claims_lost_total"] {
        assert_eq!(counted(measured, name), 0, "{name}");
    }
}

/// Every worker does tasks one after the other for longer than the time to live.
fn work(workers: &[Proc], round: &str, rounds: usize) {
    for number in 0..rounds {
        for (at, worker) in workers.iter().enumerate() {
            ask(worker, &format!("{round}{number}w{at}"), &format!("sleep 400 {round} {number} {at}"));
        }
        for (at, worker) in workers.iter().enumerate() {
            assert!(succeeded(&answer(worker, &format!("{round}{number}w{at}"))), "{round} {number} {at}");
        }
    }
}

fn ahead_ms(place: &Place, nth: usize) -> i64 {
    let sql = format!("SELECT coalesce(clock_ahead_ms, -1) FROM worker_sessions ORDER BY started_at_ms LIMIT 1 OFFSET {nth}");
    place.number(&sql)
}

/// F11, F12: 33 seconds ahead and behind, an hour ahead, and a clock that jumps while its worker works.
#[test]
fn clocks_that_are_wrong_or_jump_cost_nobody_anything() {
    let place = Place::new("postgres");
    let clocks = [33, -33, 3600, 0].map(FakeClock::ahead_by);
    let workers = clocks.each_ref().map(|clock| place.start(&Start { clock: Some(clock), rhythm: Some(RHYTHM), ..Start::default() }));
    work(&workers, "steady", 12);
    let shows = |nth: usize, seconds: i64| {
        let within = || (ahead_ms(&place, nth) - seconds * 1000).abs() <= 200;
        eventually(&format!("worker {nth} shows {seconds} s"), PATIENCE, within);
        println!("a clock {seconds} s ahead is reported as {} ms", ahead_ms(&place, nth));
    };
    for (nth, seconds) in [33, -33, 3600, 0].into_iter().enumerate() {
        shows(nth, seconds);
    }
    // An administrator corrects one clock, and another one's battery is empty; both in the middle of a task.
    for (at, worker) in workers.iter().enumerate() {
        ask(worker, &format!("jump{at}"), &format!("sleep 1500 jump {at}"));
    }
    clocks[3].jump_to(3600);
    clocks[2].jump_to(-3600);
    for (at, worker) in workers.iter().enumerate() {
        assert!(succeeded(&answer(worker, &format!("jump{at}"))));
    }
    work(&workers, "jumped", 12);
    shows(2, -3600);
    shows(3, 3600);
    workers[0].wait_for_line("its clock is 33 s ahead of the database's, on which nothing depends", PATIENCE);
    workers[1].wait_for_line("its clock is 33 s behind the database's", PATIENCE);
    workers[3].wait_for_line("its clock is 3600 s ahead of the database's", PATIENCE);
    let measured = workers.each_ref().map(finish);
    nothing_happened(&measured);
    assert_eq!(counted(&measured, "viva_computations_total"), 4 * (12 + 12 + 1));
}

/// The log's last failure: a worker that was busy for longer than anybody waits, and whose clock was right.
#[test]
fn a_busy_worker_reads_its_mail_late_and_its_clock_is_right() {
    let place = Place::new("postgres");
    // One thread for everything but the signs of life, and the engine holds it.
    let busy = place.start(&Start { rhythm: Some(RHYTHM), env: &[("TOKIO_WORKER_THREADS", "1")], ..Start::default() });
    let other = place.start(&Start { rhythm: Some(RHYTHM), ..Start::default() });
    ask(&busy, "a", "block 8000 a");
    eventually("its row shows the lag", PATIENCE, || place.number("SELECT MAX(mail_lag_ms) FROM worker_sessions") > 5000);
    assert!(succeeded(&answer(&busy, "a")));
    let said = busy.wait_for_line("this worker read its mail", PATIENCE);
    assert!(said.contains(" s late; its clock is right"), "{said}");
    println!("{said}");
    nothing_happened(&[finish(&busy), finish(&other)]);
}

/// The database's own clock, which everybody else's is compared with, jumps: no verdict reads it.
#[test]
fn a_database_whose_clock_jumps_convicts_nobody() {
    let clock = FakeClock::ahead_by(0);
    let postgres = Postgres::start_with(&clock.env());
    let place = Place::at(&postgres.database());
    let workers = [0, 1].map(|_| place.start(&Start { rhythm: Some(RHYTHM), ..Start::default() }));
    for (seconds, round) in [(3600, "forwards"), (-3600, "backwards"), (0, "and again")] {
        clock.jump_to(seconds);
        work(&workers, round, 10);
    }
    nothing_happened(&workers.each_ref().map(finish));
    let jump = Duration::from_hours(1);
    assert!(workers[0].lines().iter().any(|line| line.contains(&format!("its clock is {} s behind", jump.as_secs()))));
}
