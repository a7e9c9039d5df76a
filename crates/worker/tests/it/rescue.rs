//! How soon it is noticed that a worker is no more, and what becomes of what it held. `VIVA_TEST_PROMISES=1` asserts the promised times,
//! on a machine that does nothing else.

use std::time::Duration;

use tokio::time::Instant;
use viva_testkit::{Proc, eventually, promised};
use viva_worker::{Hung, Timing};

use crate::crew::{Stage, speak};
use crate::fleet::{PATIENCE, Place, Start, answer, ask, finish, succeeded};

/// A worker that computes for longer than the test takes, and another one that waits for it.
fn one_computes_and_one_waits(place: &Place, rhythm: Option<(u64, u64)>) -> (Proc, Proc) {
    let start = Start { rhythm, ..Start::default() };
    let (holder, other) = (place.start(&start), place.start(&start));
    ask(&holder, "a", "sleep 600000 a");
    holder.wait_for_line("SPEAKING", PATIENCE);
    // It waits as a row, and its own engine is quick.
    ask(&other, "b", "sleep 600000 a");
    eventually("the other one waits", PATIENCE, || place.number("SELECT COUNT(*) FROM waiters") == 1);
    // Both have looked at each other.
    let looked = "SELECT COUNT(*) FROM worker_sessions WHERE beat >= 2";
    eventually("both have beaten", PATIENCE, || place.number(looked) == 2);
    (holder, other)
}

/// From now until the other one computes what the holder has lost.
fn taken_up(other: &Proc, since: Instant) -> Duration {
    other.wait_for_line("SPEAKING", PATIENCE);
    since.elapsed()
}

fn killed(kind: &str) {
    let place = Place::new(kind);
    let (holder, other) = one_computes_and_one_waits(&place, None);
    let since = Instant::now();
    holder.kill();
    let taken = taken_up(&other, since);
    println!("{kind}: killed and taken up within {} ms", taken.as_millis());
    assert!(taken < promised(Duration::from_secs(3)), "{taken:?}");
    other.wait_for_line("its lock is free", PATIENCE);
    assert_eq!(place.number("SELECT CAST(attempts AS BIGINT) FROM claims"), 2);
}

/// Told to stop, with a deadline that its work does not keep: it hands on what it holds, and the other one takes it up.
async fn leaves(kind: &str) {
    let stage = Stage::new(kind, |run, _| Ok(if run == 1 { Duration::from_hours(1) } else { Duration::ZERO })).await;
    let start = async || stage.worker_timed(8, Duration::ZERO, Timing { hung: Hung::Tell, ..Timing::default() }).await;
    let (leaver, other) = (start().await, start().await);
    drop(leaver.send(speak("a long text", 1)).await);
    while stage.ran() == 0 {
        tokio::task::yield_now().await;
    }
    let answer = other.send(speak("a long text", 2)).await;
    let waits = async || {
        let unit = stage.store.read().await.unwrap();
        let claims = unit.worker_sessions().all().await.unwrap();
        unit.rollback().await.unwrap();
        claims.iter().any(|session| session.claims == 1)
    };
    assert!(waits().await);
    let since = Instant::now();
    leaver.leave().await;
    answer.await.unwrap().into_result().unwrap();
    let taken = since.elapsed();
    println!("{kind}: left, taken up and answered within {} ms", taken.as_millis());
    assert!(taken < promised(Duration::from_secs(1)), "{taken:?}");
    other.leave().await;
}

fn silent(kind: &str) {
    let place = Place::new(kind);
    let (beat, ttl) = (Duration::from_millis(200), Duration::from_secs(4));
    let (holder, other) = one_computes_and_one_waits(&place, Some((beat.as_millis() as u64, ttl.as_millis() as u64)));
    let mut since = Instant::now();
    holder.stop();
    // Frozen in the middle of a sign of life it keeps the whole of an SQLite database, until it wakes or is killed.
    while !viva_testkit::sql_unlocked(&place.url) {
        holder.cont();
        since = Instant::now();
        holder.stop();
    }
    let taken = taken_up(&other, since);
    println!("{kind}: stopped and taken up within {} ms of a time to live of {} ms", taken.as_millis(), ttl.as_millis());
    assert!(taken + beat > ttl, "{taken:?}: too early");
    // A beat, a look, and what it takes to publish.
    assert!(taken < ttl + promised(beat * 2 + Duration::from_secs(1)), "{taken:?}: too late");
    holder.cont();
    holder.wait_for_line("this worker was declared gone", PATIENCE);
}

/// An engine that hangs: its worker gives itself up, ends with an exit code of its own, and another one takes the work.
fn hangs(kind: &str) {
    let place = Place::new(kind);
    let budget = [("TEST_BUDGET_MS", "1500")];
    let (holder, other) = (place.start(&Start { env: &budget, ..Start::default() }), place.worker());
    ask(&holder, "a", "hang a");
    holder.wait_for_line("SPEAKING", PATIENCE);
    // A second task of the same worker makes progress: it is lost with the process, and counted as an attempt.
    ask(&holder, "b", "sleep 600000 b");
    holder.wait_for_line("SPEAKING sleep", PATIENCE);
    let ended = holder.wait(PATIENCE);
    assert_eq!(ended.code(), Some(70), "{:?}", holder.lines());
    holder.wait_for_line("this worker hangs; it leaves its work to others and ends", PATIENCE);
    assert_eq!(place.number("SELECT COUNT(*) FROM claims WHERE state = 'running'"), 0);
    // The broker delivers again what the dead one had.
    ask(&other, "b", "sleep 0 b");
    assert!(succeeded(&answer(&other, "b")));
    finish(&other);
}

/// A pause of the whole process is nobody's hang: on waking it goes on, unless others have its work.
fn a_pause_is_no_hang(kind: &str) {
    let place = Place::new(kind);
    let budget = [("TEST_BUDGET_MS", "3000")];
    let worker = place.start(&Start { env: &budget, rhythm: Some((100, 60_000)), ..Start::default() });
    ask(&worker, "a", "sleep 2500 a");
    worker.wait_for_line("SPEAKING", PATIENCE);
    worker.stop();
    std::thread::sleep(Duration::from_secs(4));
    worker.cont();
    assert!(succeeded(&answer(&worker, "a")));
    finish(&worker);
}

macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        mod sqlite { $(#[test] fn $test() { super::$test("sqlite"); })+ }
        mod postgres { $(#[test] fn $test() { super::$test("postgres"); })+ }
    };
}

fn a_killed_worker_is_taken_over_within_three_seconds(kind: &str) {
    killed(kind);
}

fn a_worker_that_leaves_is_taken_over_within_a_second(kind: &str) {
    tokio::runtime::Runtime::new().unwrap().block_on(leaves(kind));
}

fn a_silent_worker_is_taken_over_after_its_time_to_live(kind: &str) {
    silent(kind);
}

fn a_worker_whose_engine_hangs_ends_and_is_taken_over(kind: &str) {
    hangs(kind);
}

fn a_worker_that_was_paused_is_not_taken_for_hung(kind: &str) {
    a_pause_is_no_hang(kind);
}

on_both! {
    a_killed_worker_is_taken_over_within_three_seconds,
    a_worker_that_leaves_is_taken_over_within_a_second,
    a_silent_worker_is_taken_over_after_its_time_to_live,
    a_worker_whose_engine_hangs_ends_and_is_taken_over,
    a_worker_that_was_paused_is_not_taken_for_hung,
}
