use std::time::Duration;

use chrono::{DateTime, Utc};
use viva_core::{Clock as _, ManualClock, SystemClock};

fn noon() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

#[test]
fn a_jump_of_the_wall_clock_moves_no_measurement() {
    let clock = ManualClock::at(noon());
    let began = clock.monotonic();
    clock.advance(Duration::from_secs(2));
    clock.jump_wall(noon() - Duration::from_secs(33));
    assert_eq!(clock.monotonic().since(began), Duration::from_secs(2));
    assert_eq!(clock.wall(), noon() - Duration::from_secs(33));
    clock.advance(Duration::from_millis(1));
    assert_eq!(clock.wall_ms(), noon().timestamp_millis() - 32_999);
}

#[test]
fn a_moment_before_is_no_time_ago() {
    let clock = ManualClock::at(noon());
    let earlier = clock.monotonic();
    clock.advance(Duration::from_secs(1));
    assert_eq!(earlier.since(clock.monotonic()), Duration::ZERO);
    assert_eq!(earlier.plus(Duration::from_secs(1)), clock.monotonic());
}

#[test]
fn the_system_clock_never_goes_back() {
    let moments: Vec<_> = (0..1000).map(|_| SystemClock.monotonic()).collect();
    assert!(moments.is_sorted());
    assert!(SystemClock.wall() > noon());
}
