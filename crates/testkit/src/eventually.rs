//! Waiting for what other processes do: asked again and again until it is so, or until the time is up.
//!
//! Tests wait for a state, never for a length of time.

use std::thread;
use std::time::{Duration, Instant};

const BETWEEN: Duration = Duration::from_millis(5);

/// Asks until there is an answer; none once `timeout` has passed.
#[expect(clippy::disallowed_methods, reason = "the house's clock lies above this crate, and nothing is decided here but a test's patience")]
pub fn poll<T>(timeout: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        // Looked at before asking: a slow last question still counts.
        let late = started.elapsed() >= timeout;
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if late {
            return None;
        }
        thread::sleep(BETWEEN);
    }
}

/// Waits until `what` is so.
///
/// # Panics
///
/// Where it is not so within `timeout`.
#[track_caller]
pub fn eventually(what: &str, timeout: Duration, mut so: impl FnMut() -> bool) {
    assert!(poll(timeout, || so().then_some(())).is_some(), "not within {timeout:?}: {what}");
}

/// What a test asserts of a time that was promised: the promise itself where `VIVA_TEST_PROMISES` is set, on a machine that does nothing
/// else; five times as much anywhere. Whoever asserts it prints the figure.
pub fn promised(limit: Duration) -> Duration {
    if std::env::var_os("VIVA_TEST_PROMISES").is_some() { limit } else { limit * 5 }
}
