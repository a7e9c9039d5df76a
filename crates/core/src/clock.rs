//! The only place that asks the operating system for the time.
//!
//! Two kinds that do not mix: a [`Moment`] measures, in this process only, and never goes back; wall time is for people and
//! for records, and no decision compares it with another machine's.

mod lateness;
mod offset;

use std::fmt;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

pub use lateness::Lateness;
pub use offset::{Offset, Reading};

/// A reading of one process' monotonic clock. Means nothing in another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// The time that passed from `earlier` to this moment; zero when `earlier` is the later one.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }
}

/// Where time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now, for measuring.
    fn monotonic(&self) -> Moment;

    /// Now, for people and records.
    fn wall(&self) -> DateTime<Utc>;

    /// Wall time as the store keeps it: milliseconds since 1970-01-01 00:00 UTC.
    fn wall_ms(&self) -> i64 {
        self.wall().timestamp_millis()
    }
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes")]
impl Clock for SystemClock {
    fn monotonic(&self) -> Moment {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        let origin = *ORIGIN;
        Moment(Instant::now().saturating_duration_since(origin))
    }

    fn wall(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still until a test moves it, each of its two times alone.
#[derive(Debug)]
pub struct ManualClock(Mutex<(Moment, DateTime<Utc>)>);

impl ManualClock {
    /// A clock at the given wall time.
    pub fn at(wall: DateTime<Utc>) -> Self {
        Self(Mutex::new((Moment(Duration::ZERO), wall)))
    }

    /// Lets time pass on both clocks.
    pub fn advance(&self, by: Duration) {
        self.set(|(moment, wall)| {
            *moment = moment.plus(by);
            *wall += by;
        });
    }

    /// Makes the wall clock jump, as a correction or an administrator would; measured time goes on undisturbed.
    pub fn jump_wall(&self, to: DateTime<Utc>) {
        self.set(|(_, wall)| *wall = to);
    }

    fn set(&self, change: impl FnOnce(&mut (Moment, DateTime<Utc>))) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn get(&self) -> (Moment, DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn monotonic(&self) -> Moment {
        self.get().0
    }

    fn wall(&self) -> DateTime<Utc> {
        self.get().1
    }
}
