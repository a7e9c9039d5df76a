//! Faults that look random and can be repeated.
//!
//! A plan is a sequence of choices that its seed alone decides. It promises nothing about time: what two threads do between two
//! choices is theirs, so let one thread make all choices of a plan.

use std::env;
use std::ops::Range;
use std::thread;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::server::random;

/// The seed to repeat a run with.
const SEED: &str = "VIVA_SEED";

/// A sequence of choices.
#[derive(Debug)]
pub struct FaultPlan {
    name: String,
    seed: u64,
    choices: ChaCha8Rng,
}

impl FaultPlan {
    /// The plan of that name: the same in every run with the same `VIVA_SEED`, another one in every run without.
    ///
    /// # Panics
    ///
    /// Where `VIVA_SEED` is no number.
    pub fn from_env(name: &str) -> Self {
        let given = env::var(SEED).ok().map(|seed| seed.trim().parse().unwrap_or_else(|_| panic!("{SEED}={seed} is no number")));
        Self::with_seed(name, given.unwrap_or_else(random))
    }

    /// The plan of that name and seed. Plans of other names make other choices from the same seed.
    pub fn with_seed(name: &str, seed: u64) -> Self {
        eprintln!("fault plan {name}: {SEED}={seed}");
        // FNV-1a: the standard library's hash may be another one in the next release.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { name: name.to_owned(), seed, choices: ChaCha8Rng::seed_from_u64(seed ^ hash) }
    }

    /// What repeats it.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// One of these.
    ///
    /// # Panics
    ///
    /// Where there is none.
    #[track_caller]
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        assert!(!of.is_empty(), "nothing to pick from");
        &of[self.choices.random_range(0..of.len())]
    }

    /// True in this share of cases (0 to 1).
    pub fn chance(&mut self, share: f64) -> bool {
        self.choices.random_bool(share.clamp(0.0, 1.0))
    }

    /// A number of a range that is not empty.
    pub fn between(&mut self, range: Range<u64>) -> u64 {
        self.choices.random_range(range)
    }

    /// A length of time of a range that is not empty, to the microsecond.
    pub fn delay(&mut self, range: &Range<Duration>) -> Duration {
        let micros = |time: Duration| time.as_micros() as u64;
        Duration::from_micros(self.between(micros(range.start)..micros(range.end)))
    }
}

impl Drop for FaultPlan {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("fault plan {}: {SEED}={} repeats this", self.name, self.seed);
        }
    }
}
