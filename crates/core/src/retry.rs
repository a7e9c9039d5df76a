//! What becomes of a delivery after an error: a pure function of class, attempt and policy.

use std::time::Duration;

use crate::ErrorClass;

/// How often, and how long apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The longest wait before the second attempt; it doubles from attempt to attempt.
    pub base: Duration,
    /// No wait is longer.
    pub cap: Duration,
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// Attempts in all for a message whose handler panics: it may take its neighbours down with it.
    pub max_crashes: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { base: Duration::from_secs(1), cap: Duration::from_mins(1), max_attempts: 5, max_crashes: 2 }
    }
}

/// What to do with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is settled; the broker may forget it.
    Ack,
    /// Deliver it again after this time.
    RetryAfter(Duration),
    /// Set it aside with its reason.
    DeadLetter,
}

impl Policy {
    /// What to do after attempt number `attempt` (from 1) failed with `class`. `random` is uniform in [0, 1).
    pub fn after(&self, class: ErrorClass, attempt: u32, random: f64) -> Disposition {
        match class {
            ErrorClass::Transient if attempt < self.max_attempts => Disposition::RetryAfter(self.delay(attempt, random)),
            ErrorClass::Unavailable => Disposition::RetryAfter(self.delay(attempt, random)),
            ErrorClass::Transient | ErrorClass::Poison => Disposition::DeadLetter,
            ErrorClass::Permanent | ErrorClass::LostClaim | ErrorClass::Cancelled => Disposition::Ack,
        }
    }

    /// What to do after attempt number `attempt` (from 1) ended in a panic.
    pub fn after_crash(&self, attempt: u32, random: f64) -> Disposition {
        if attempt < self.max_crashes { Disposition::RetryAfter(self.delay(attempt, random)) } else { Disposition::DeadLetter }
    }

    /// Full jitter: uniform between nothing and `min(cap, base * 2^(attempt - 1))`, so that jobs that failed together do not
    /// come back together ("Exponential Backoff and Jitter", AWS Architecture Blog, 2015).
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        longest.mul_f64(random.clamp(0.0, 1.0))
    }
}
