//! Transposed convolutions: from a slow clock to a faster one.

use super::conv::{Geometry, Windows};
use super::frames::Frames;
use super::matmul::{Buffer, View, multiply};

/// A transposed convolution whose kernel is twice its stride, trimmed to `stride` outputs for each input.
///
/// Output `q * stride + r` then sees input q through tap r and input q - 1 through tap r + stride, so all `stride`
/// outputs of one step are one row of the product of `[x(q-1), x(q)]` with a `[2 * inputs, stride * outputs]` matrix.
#[derive(Debug)]
pub(crate) struct ConvTranspose1d {
    weight: Buffer,
    bias: Vec<f32>,
    inputs: usize,
    stride: usize,
}

impl ConvTranspose1d {
    /// `weight` is `[inputs, outputs, 2 * stride]`, as PyTorch and ONNX store it.
    pub(crate) fn new(weight: &[f32], inputs: usize, bias: Vec<f32>, stride: usize) -> Self {
        let outputs = bias.len();
        debug_assert_eq!(weight.len(), inputs * outputs * 2 * stride);
        let mut both = vec![0.0; weight.len()];
        for (input, weight) in weight.chunks_exact(outputs * 2 * stride).enumerate() {
            for (output, taps) in weight.chunks_exact(2 * stride).enumerate() {
                for (tap, weight) in taps.iter().enumerate() {
                    // The later half of the taps reaches back to the previous input.
                    let row = if tap < stride { inputs + input } else { input };
                    both[(row * stride + tap % stride) * outputs + output] = *weight;
                }
            }
        }
        Self { weight: Buffer::new(both), bias, inputs, stride }
    }

    /// `stride * rows` rows out of rows that `write` fills.
    pub(crate) fn forward(&self, rows: usize, write: impl Fn(usize, &mut [f32]) + Sync) -> Frames {
        let (inputs, outputs, stride) = (self.inputs, self.bias.len(), self.stride);
        let one_before_and_after = Geometry { taps: 2, stride: 1, padding: 1, dilation: 1 };
        let windows = Windows::fill(rows, inputs, one_before_and_after, write);
        let weight = (&self.weight, View::rows(0, stride * outputs));
        let shape = [1, rows + 1, stride * outputs, 2 * inputs];
        let product = multiply((windows.buffer(), View::rows(0, inputs)), weight, shape);
        let trim = stride / 2 * outputs;
        Frames::fill(rows * stride, outputs, |row, out| {
            let product = &product[trim + row * outputs..][..outputs];
            for ((y, product), bias) in out.iter_mut().zip(product).zip(&self.bias) {
                *y = product + bias;
            }
        })
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
