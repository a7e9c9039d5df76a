//! Convolutions that keep channels apart.

use super::conv::Geometry;
use super::frames::Frames;

/// One kernel for each channel, stride 1, as many outputs as inputs.
#[derive(Debug)]
pub(crate) struct Depthwise {
    /// `[taps, channels]`.
    taps: Vec<Vec<f32>>,
    bias: Vec<f32>,
    geometry: Geometry,
}

impl Depthwise {
    /// `weight` is `[channels, 1, taps]`.
    pub(crate) fn new(weight: &[f32], bias: Vec<f32>, geometry: Geometry) -> Self {
        let taps = (0..geometry.taps).map(|tap| weight.iter().skip(tap).step_by(geometry.taps).copied().collect());
        Self { taps: taps.collect(), bias, geometry }
    }

    pub(crate) fn forward(&self, x: &Frames) -> Frames {
        let Geometry { padding, dilation, .. } = self.geometry;
        Frames::fill(x.rows(), x.cols(), |row, out| {
            out.copy_from_slice(&self.bias);
            for (tap, weight) in self.taps.iter().enumerate() {
                let Some(from) = (row + tap * dilation).checked_sub(padding).filter(|from| *from < x.rows()) else { continue };
                for ((out, x), weight) in out.iter_mut().zip(x.row(from)).zip(weight) {
                    *out += x * weight;
                }
            }
        })
    }
}
