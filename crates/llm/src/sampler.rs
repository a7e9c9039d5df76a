//! Which token comes next.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::engine::Sampling;

/// Draws tokens. ChaCha keeps its stream across versions and platforms, so a seed means the same next year.
#[derive(Debug)]
pub(crate) struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    #[cfg(test)]
    trace: Trace,
}

/// Digests of the logits that a sampler has seen, for tests that compare them to the bit.
#[cfg(test)]
pub(crate) type Trace = std::sync::Arc<std::sync::Mutex<Vec<u64>>>;

impl Sampler {
    pub(crate) fn new(sampling: &Sampling) -> Self {
        Self {
            sampling: sampling.clone(),
            random: ChaCha8Rng::seed_from_u64(sampling.seed),
            #[cfg(test)]
            trace: Trace::default(),
        }
    }

    #[cfg(test)]
    pub(crate) fn trace(&self) -> Trace {
        self.trace.clone()
    }

    /// Index into `logits` (not empty). The first of equals wins.
    pub(crate) fn pick(&mut self, logits: &[f32]) -> usize {
        #[cfg(test)]
        {
            let digest = logits.iter().fold(0u64, |d, l| (d ^ u64::from(l.to_bits())).wrapping_mul(0x0100_0000_01b3).rotate_left(7));
            self.trace.lock().expect("no test panics while it holds a trace").push(digest);
        }
        if self.sampling.temperature <= 0.0 {
            return greatest(logits);
        }
        let peak = f64::from(logits[greatest(logits)]);
        let weight = |l: f32| ((f64::from(l) - peak) / f64::from(self.sampling.temperature)).exp();
        let mut order: Vec<(usize, f64)> = logits.iter().map(|l| weight(*l)).enumerate().filter(|(_, w)| *w > 0.0).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let total: f64 = order.iter().map(|(_, w)| w).sum();
        let mut missing = f64::from(self.sampling.top_p) * total;
        let mut nucleus = 0;
        while nucleus < order.len() && (nucleus == 0 || missing > 0.0) {
            missing -= order[nucleus].1;
            nucleus += 1;
        }
        let sum: f64 = order[..nucleus].iter().map(|(_, w)| w).sum();
        // 53 random bits make a uniform f64 in [0, 1).
        let mut left = (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64 * sum;
        for (index, w) in &order[..nucleus] {
            left -= w;
            if left < 0.0 {
                return *index;
            }
        }
        order[nucleus - 1].0
    }
}

fn greatest(logits: &[f32]) -> usize {
    let mut best = 0;
    for (i, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = i;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(temperature: f32, top_p: f32, seed: u64) -> Vec<usize> {
        let mut sampler = Sampler::new(&Sampling { temperature, top_p, seed });
        (0..4000).map(|_| sampler.pick(&[2.0_f32.ln(), 5.0_f32.ln(), 3.0_f32.ln(), f32::NEG_INFINITY])).collect()
    }

    #[test]
    fn draws_follow_the_distribution() {
        let draws = drawn(1.0, 1.0, 7);
        for (token, share) in [(0, 0.2), (1, 0.5), (2, 0.3), (3, 0.0)] {
            let seen = draws.iter().filter(|d| **d == token).count() as f64 / draws.len() as f64;
            assert!((seen - share).abs() < 0.03, "token {token}: {seen} of {share}");
        }
    }

    #[test]
    fn a_nucleus_leaves_the_tail_out_and_a_seed_repeats() {
        assert!(drawn(1.0, 0.6, 7).iter().all(|t| [1, 2].contains(t)));
        assert_eq!(drawn(0.8, 1.0, 3), drawn(0.8, 1.0, 3));
        assert_ne!(drawn(0.8, 1.0, 3), drawn(0.8, 1.0, 4));
    }

    #[test]
    fn zero_temperature_takes_the_likeliest() {
        assert!(drawn(0.0, 1.0, 7).iter().all(|t| *t == 1));
    }
}
