//! Transposed convolutions: from a slow clock to a faster one.

use super::activation::Activation;
use super::conv::{Geometry, Windows};
use super::frames::Frames;
use super::matmul::{Finish, Packed, Rows, multiply_all};
use super::simd::Isa;

/// A transposed convolution whose kernel is twice its stride, trimmed to `stride` outputs for each input.
///
/// Output `q * stride + r` then sees input q through tap r and input q - 1 through tap r + stride, so all `stride`
/// outputs of one step are one row of the product of `[x(q-1), x(q)]` with a `[2 * inputs, stride * outputs]` matrix.
#[derive(Debug)]
pub(crate) struct ConvTranspose1d {
    weight: Packed,
    bias: Vec<f32>,
    inputs: usize,
    stride: usize,
}

impl ConvTranspose1d {
    /// `weight` is `[inputs, outputs, 2 * stride]`, as PyTorch and ONNX store it.
    pub(crate) fn new(isa: Isa, weight: &[f32], bias: Vec<f32>, stride: usize) -> Self {
        let outputs = bias.len();
        let inputs = weight.len() / outputs / (2 * stride);
        let weight = Packed::new(isa, [2 * inputs, stride * outputs], |row, column| {
            // The later half of the taps reaches back to the previous input.
            let (input, tap) = if row < inputs { (row, stride) } else { (row - inputs, 0) };
            weight[(input * outputs + column % outputs) * 2 * stride + tap + column / outputs]
        });
        Self { weight, bias, inputs, stride }
    }

    /// Channels it makes.
    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// `stride * rows` rows out of the activated rows of `x`.
    pub(crate) fn after(&self, x: &Frames, activation: &Activation<'_>) -> Frames {
        let (inputs, outputs, stride) = (self.inputs, self.bias.len(), self.stride);
        let one_before_and_after = Geometry { taps: 2, stride: 1, padding: 1, dilation: 1 };
        let windows = Windows::of(x, activation, one_before_and_after, self.weight.isa());
        let mut product = vec![0.0; (x.rows() + 1) * stride * outputs];
        let rows = Rows { values: windows.values(), stride: inputs, count: x.rows() + 1 };
        let bias = self.bias.repeat(stride);
        multiply_all(rows, &self.weight, &mut product, Finish { bias: &bias, accumulate: false });
        let trim = stride / 2 * outputs;
        product.truncate(trim + x.rows() * stride * outputs);
        product.drain(..trim);
        Frames::new(x.rows() * stride, outputs, product).expect("trimmed to whole rows; this is a bug")
    }
}

/// A depthwise transposed convolution of three taps and stride 2 (padding 1, output padding 1): doubles the rows.
#[derive(Debug)]
pub(crate) struct DepthwiseDoubling {
    taps: [Vec<f32>; 3],
    bias: Vec<f32>,
}

impl DepthwiseDoubling {
    /// `weight` is `[channels, 1, 3]`.
    pub(crate) fn new(weight: &[f32], bias: Vec<f32>) -> Self {
        debug_assert_eq!(weight.len(), bias.len() * 3);
        let tap = |tap: usize| weight.iter().skip(tap).step_by(3).copied().collect();
        Self { taps: [tap(0), tap(1), tap(2)], bias }
    }

    pub(crate) fn forward(&self, x: &Frames) -> Frames {
        let [first, middle, last] = &self.taps;
        Frames::fill(x.rows() * 2, x.cols(), |row, out| {
            out.copy_from_slice(&self.bias);
            let here = row / 2;
            if row % 2 == 0 {
                add_scaled(out, x.row(here), middle);
            } else {
                add_scaled(out, x.row(here), last);
                if here + 1 < x.rows() {
                    add_scaled(out, x.row(here + 1), first);
                }
            }
        })
    }
}

fn add_scaled(out: &mut [f32], x: &[f32], weight: &[f32]) {
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out += x * weight;
    }
}
