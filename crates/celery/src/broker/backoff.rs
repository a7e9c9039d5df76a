use std::time::Duration;

use rand::RngExt as _;

/// Waits between attempts, with full jitter: a broker that comes back is not met by all workers at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

const BASE: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(20);

impl Backoff {
    /// How long to wait after one more failure: anything up to a limit that doubles.
    pub(crate) fn next(&mut self) -> Duration {
        let limit = BASE.saturating_mul(1 << self.failures.min(10)).min(CAP);
        self.failures += 1;
        limit.mul_f64(rand::rng().random::<f64>())
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}
