//! A worker that is cut off from the database, in silence or with a bang.

use std::time::Duration;

use tokio::time::Instant;
use viva_testkit::{Direction, FaultPlan, Mode, Proc, Relay, eventually, promised};

use crate::fleet::{PATIENCE, Place, Start, answer, ask, finish, succeeded};

/// Beat and time to live, in milliseconds.
const RHYTHM: (u64, u64) = (200, 6000);
const TTL: Duration = Duration::from_millis(RHYTHM.1);

/// F4: nothing passes, and nobody says so. The worker takes nothing new and stops before the others may have its work; then they do.
fn silence(direction: Direction) {
    let place = Place::new("postgres");
    let (relay, url) = Relay::before(&place.url);
    let cut_off = place.start(&Start { url: Some(&url), rhythm: Some(RHYTHM), ..Start::default() });
    let other = place.start(&Start { rhythm: Some(RHYTHM), ..Start::default() });
    ask(&cut_off, "a", "sleep 600000 a");
    cut_off.wait_for_line("SPEAKING", PATIENCE);
    ask(&other, "b", "sleep 600000 a");
    eventually("the other one waits", PATIENCE, || place.number("SELECT COUNT(*) FROM waiters") == 1);
    let since = Instant::now();
    relay.set(direction, Mode::Blackhole);
    let told = |worker: &Proc, line: &str| {
        worker.wait_for_line(line, PATIENCE);
        since.elapsed()
    };
    let doubts = told(&cut_off, "this worker takes nothing new");
    ask(&cut_off, "c", "sleep 0 c");
    let stops = told(&cut_off, "this worker stops what it does");
    assert!(!other.lines().iter().any(|line| line.contains("SPEAKING")), "it was taken over before it stopped");
    let taken = told(&other, "SPEAKING sleep 600000 a");
    println!(
        "{direction:?}: takes nothing new after {} ms, stops after {} ms, is taken over after {} ms of a time to live of {} ms",
        doubts.as_millis(),
        stops.as_millis(),
        taken.as_millis(),
        TTL.as_millis()
    );
    assert!(doubts < stops && stops < taken);
    assert!(taken < TTL + promised(Duration::from_millis(2 * RHYTHM.0) + Duration::from_secs(1)), "{taken:?}");
    assert!(!cut_off.lines().iter().any(|line| line.contains("SPEAKING sleep 0 c")), "it took a new task");
    relay.heal();
    cut_off.wait_for_line("this worker was declared gone", PATIENCE);
    assert!(!cut_off.lines().iter().any(|line| line.contains("SPEAKING sleep 0 c")), "it took a new task");
}

#[test]
fn a_worker_that_is_cut_off_both_ways_stops_before_it_is_taken_over() {
    silence(Direction::Both);
}

#[test]
fn a_worker_that_cannot_be_heard_stops_before_it_is_taken_over() {
    silence(Direction::Up);
}

#[test]
fn a_worker_that_hears_nothing_stops_before_it_is_taken_over() {
    silence(Direction::Down);
}

/// Connections that break again and again, and are made anew at once, cost nobody anything: the lock that breaks with them is no
/// proof by itself.
#[test]
fn connections_that_break_convict_nobody() {
    let place = Place::new("postgres");
    let (relay, url) = Relay::before(&place.url);
    let rhythm = Some((500, 8000));
    let shaken = place.start(&Start { url: Some(&url), rhythm, ..Start::default() });
    let other = place.start(&Start { rhythm, ..Start::default() });
    let mut plan = FaultPlan::from_env("connections that break");
    for round in 0..10 {
        let id = format!("t{round}");
        ask(&shaken, &id, &format!("sleep 300 {round}"));
        std::thread::sleep(plan.delay(&(Duration::ZERO..Duration::from_secs(1))));
        relay.cut_all();
        assert!(succeeded(&answer(&shaken, &id)), "{id}");
    }
    for measured in [finish(&other), finish(&shaken)] {
        assert_eq!(measured["viva_workers_declared_gone_total"].as_u64(), None);
    }
}
