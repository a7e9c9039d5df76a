//! The only place in this crate that asks for the time.
//!
//! Wall time goes into what others read: events, results, eta. Waiting and measuring use tokio's monotonic clock.

use chrono::{DateTime, Utc};
pub(crate) use tokio::time::Instant;

/// Now, for people, records and the schedules that producers write by their own clocks.
#[expect(clippy::disallowed_methods, reason = "this crate knows none of the workspace's others; this is its clock")]
pub(crate) fn wall() -> DateTime<Utc> {
    Utc::now()
}

/// Seconds since 1970, as Python's `time.time()` has them.
pub(crate) fn epoch_s() -> f64 {
    wall().timestamp_micros() as f64 / 1e6
}

/// As Python's `isoformat` writes it: microseconds and a numeric offset.
pub(crate) fn iso(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}
