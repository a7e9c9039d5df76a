//! Rotary position embedding (Su et al., 2021): the angles of every position, once.

use crate::config::Config;

/// Cosines and sines of the positions, half a head of each.
#[derive(Debug)]
pub(crate) struct Rotary {
    cos: Vec<f32>,
    sin: Vec<f32>,
    half: usize,
}

impl Rotary {
    /// `factors` divide the frequencies (llama 3 and EXAONE ship them as a tensor).
    pub(crate) fn new(config: &Config, base: f64, scale: f64, factors: Option<&[f32]>) -> Self {
        let half = config.head / 2;
        let frequency = |i: usize| {
            let factor = factors.and_then(|f| f.get(i)).map_or(1.0, |f| f64::from(*f));
            base.powf(-((2 * i) as f64) / config.head as f64) / scale / factor
        };
        let frequencies: Vec<f64> = (0..half).map(frequency).collect();
        let all = |f: fn(f64) -> f64| -> Vec<f32> {
            (0..config.context).flat_map(|p| frequencies.iter().map(move |w| f(p as f64 * w) as f32)).collect()
        };
        Self { cos: all(f64::cos), sin: all(f64::sin), half }
    }

    /// Cosines and sines at `position`.
    pub(crate) fn angles(&self, position: usize) -> (&[f32], &[f32]) {
        (&self.cos[position * self.half..][..self.half], &self.sin[position * self.half..][..self.half])
    }
}
