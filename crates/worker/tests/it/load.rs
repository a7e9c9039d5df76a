//! Signs of life under full load: all cores compute in the engine, in the very process that beats.

use std::time::Duration;

use serde_json::Value;

use crate::fleet::{PATIENCE, Place, Start, answer, ask, finish, succeeded};

/// What is promised of an undisturbed machine.
const PROMISE: Duration = Duration::from_millis(200);
/// What is asserted of any: a machine that runs other things at once delays whom it likes. The figure is printed.
const ANYWHERE: Duration = Duration::from_secs(2);

/// How long. `VIVA_TEST_LOAD_S=60` for the promise's own minute.
fn seconds() -> u64 {
    std::env::var("VIVA_TEST_LOAD_S").map_or(15, |seconds| seconds.parse().unwrap())
}

fn beats_come_in_time(kind: &str) {
    let place = Place::new(kind);
    let worker = place.start(&Start { rhythm: Some((250, 10_000)), ..Start::default() });
    ask(&worker, "a", &format!("spin {}", seconds() * 1000));
    // Longer than the usual patience, if asked for.
    worker.wait_for_line("{\"id\":\"a\"", PATIENCE + Duration::from_secs(seconds()));
    assert!(succeeded(&answer(&worker, "a")));
    let measured = finish(&worker);
    let beats = late(&measured, "viva_beat_late_seconds");
    let starts = late(&measured, "viva_beat_start_late_seconds");
    let worst = |all: &[f64]| Duration::from_secs_f64(all.iter().copied().fold(0.0, f64::max));
    let over = beats.iter().filter(|late| **late > PROMISE.as_secs_f64()).count();
    println!(
        "{kind}: {} beats in {} s of full load: begun at most {} ms late, through at most {} ms late, {over} of them more than {} ms",
        beats.len(),
        seconds(),
        worst(&starts).as_millis(),
        worst(&beats).as_millis(),
        PROMISE.as_millis()
    );
    assert!(beats.len() as u64 >= seconds() * 3, "{} beats", beats.len());
    assert!(worst(&beats) < ANYWHERE);
}

fn late(measured: &Value, name: &str) -> Vec<f64> {
    measured[name].as_array().unwrap().iter().map(|late| late.as_f64().unwrap()).collect()
}

#[test]
fn no_beat_is_late_under_full_load_on_postgres() {
    beats_come_in_time("postgres");
}

#[test]
fn no_beat_is_late_under_full_load_on_sqlite() {
    beats_come_in_time("sqlite");
}
