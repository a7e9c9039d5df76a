//! Convolutions that keep the length, by whichever algorithm is faster for their shape.

use super::activation::Activation;
use super::conv::{Conv1d, Geometry};
use super::frames::Frames;
use super::simd::Isa;
use super::toom_cook::ToomCook;

/// Multiplications for each output that Toom-Cook must save to be worth its transforms, which cost about 30 for each
/// input and output and go through memory. Measured on a Zen 4: 32 channels gain from 7 taps, 64 channels from 3.
const WORTHWHILE: usize = 60;

/// A convolution of stride 1 with as many outputs as inputs.
#[derive(Debug)]
pub(crate) struct SameConv {
    algorithm: Algorithm,
    outputs: usize,
    reach: usize,
}

#[derive(Debug)]
enum Algorithm {
    Direct(Conv1d),
    Fast(ToomCook),
}

impl SameConv {
    /// `weight` is `[outputs, inputs, taps]`, as PyTorch and ONNX store it. `geometry` must be [`Geometry::same`].
    pub(crate) fn new(isa: Isa, weight: &[f32], bias: Vec<f32>, geometry: Geometry) -> Self {
        let outputs = bias.len();
        let inputs = weight.len() / outputs / geometry.taps;
        // Four times the multiplications saved, by 7 for each part of four taps instead of 16.
        let saved = (4 * geometry.taps).saturating_sub(7 * geometry.taps.div_ceil(4)) * inputs / 4;
        let algorithm = if saved >= WORTHWHILE && outputs >= 32 {
            Algorithm::Fast(ToomCook::new(isa, weight, bias, geometry))
        } else {
            Algorithm::Direct(Conv1d::new(isa, weight, bias, geometry))
        };
        Self { algorithm, outputs, reach: geometry.padding }
    }

    /// Rows on either side that an output depends on.
    pub(crate) fn reach(&self) -> usize {
        self.reach
    }

    /// Convolves the activated `x`.
    pub(crate) fn after(&self, x: &Frames, activation: &Activation<'_>) -> Frames {
        let mut y = Frames::zeros(x.rows(), self.outputs);
        self.run(x, activation, &mut y, false);
        y
    }

    /// `y = conv(activation(x))`, or `y +=` the same: the residual connection.
    pub(crate) fn run(&self, x: &Frames, activation: &Activation<'_>, y: &mut Frames, accumulate: bool) {
        match &self.algorithm {
            Algorithm::Direct(conv) => conv.run(x, activation, y, accumulate),
            Algorithm::Fast(conv) => conv.run(x, activation, y, accumulate),
        }
    }
}
