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
        let (width, trim) = (stride * outputs, stride / 2 * outputs);
        let bias = self.bias.repeat(stride);
        let finish = Finish { bias: &bias, accumulate: false };
        let rows = |first: usize, count| Rows { values: &windows.values()[first * inputs..], stride: inputs, count };
        let mut y = Frames::zeros(x.rows() * stride, outputs);
        // The first and the last product stand half outside.
        let (first, rest) = y.as_mut_slice().split_at_mut(width - trim);
        let (middle, last) = rest.split_at_mut((x.rows() - 1) * width);
        let mut edge = vec![0.0; width];
        multiply_all(rows(0, 1), &self.weight, &mut edge, finish);
        first.copy_from_slice(&edge[trim..]);
        multiply_all(rows(1, x.rows() - 1), &self.weight, middle, finish);
        multiply_all(rows(x.rows(), 1), &self.weight, &mut edge, finish);
        last.copy_from_slice(&edge[..trim]);
        y
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
