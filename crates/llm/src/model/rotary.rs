//! Rotary position embedding (Su et al., 2021), for any positions.

use candle_core::{Device, Tensor};

use crate::config::{Config, Rotary as Pairing};

/// Angles per position step, one for each pair of dimensions.
#[derive(Debug)]
pub(crate) struct Rotary {
    frequencies: Vec<f64>,
    pairing: Pairing,
}

/// Cosines and sines of some positions, `[rows, head / 2]` each.
#[derive(Debug)]
pub(crate) struct Angles {
    cos: Tensor,
    sin: Tensor,
    pairing: Pairing,
}

impl Rotary {
    /// `factors` divide the frequencies (llama 3 and EXAONE ship them as a tensor).
    pub(crate) fn new(config: &Config, base: f64, scale: f64, factors: Option<&[f32]>) -> Self {
        let half = config.head / 2;
        let frequency = |i: usize| {
            let factor = factors.and_then(|f| f.get(i)).map_or(1.0, |f| f64::from(*f));
            base.powf(-((2 * i) as f64) / config.head as f64) / scale / factor
        };
        Self { frequencies: (0..half).map(frequency).collect(), pairing: config.rotary }
    }

    /// The angles of `rows` consecutive positions from `start` on.
    pub(crate) fn angles(&self, start: usize, rows: usize) -> candle_core::Result<Angles> {
        let all = |f: fn(f64) -> f64| -> Vec<f32> {
            let row = |p: usize| self.frequencies.iter().map(move |w| f(p as f64 * w) as f32);
            (start..start + rows).flat_map(row).collect()
        };
        let shape = (rows, self.frequencies.len());
        let cos = Tensor::from_vec(all(f64::cos), shape, &Device::Cpu)?;
        let sin = Tensor::from_vec(all(f64::sin), shape, &Device::Cpu)?;
        Ok(Angles { cos, sin, pairing: self.pairing })
    }
}

impl Angles {
    /// Rotates `[heads, rows, head]`.
    pub(crate) fn rotate(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = x.unsqueeze(0)?.contiguous()?;
        let rotated = match self.pairing {
            Pairing::Halves => candle_nn::rotary_emb::rope(&x, &self.cos, &self.sin)?,
            Pairing::Interleaved => candle_nn::rotary_emb::rope_i(&x, &self.cos, &self.sin)?,
        };
        rotated.squeeze(0)
    }
}
