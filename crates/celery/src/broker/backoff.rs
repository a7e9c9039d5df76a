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

#[cfg(test)]
mod tests {
    use super::*;

    /// F17: of many whose broker comes back, no great part comes at once.
    #[test]
    fn those_who_wait_spread_over_the_whole_of_their_wait() {
        for failures in 0..12 {
            let limit = BASE.saturating_mul(1 << failures.min(10)).min(CAP);
            let waits: Vec<Duration> = (0..4000).map(|_| Backoff { failures }.next()).collect();
            assert!(waits.iter().all(|wait| *wait <= limit));
            for tenth in 0..10_u32 {
                let within = limit * tenth / 10..limit * (tenth + 1) / 10;
                let met = waits.iter().filter(|wait| within.contains(*wait)).count();
                assert!((250..550).contains(&met), "{met} of 4000 in the tenth {tenth} of {limit:?}");
            }
        }
    }

    #[test]
    fn waits_grow_to_a_limit_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let longest = (0..200).map(|_| backoff.next()).max();
        assert!(longest.is_some_and(|longest| longest > CAP / 2 && longest <= CAP), "{longest:?}");
        backoff.reset();
        assert!(backoff.next() <= BASE);
    }
}
