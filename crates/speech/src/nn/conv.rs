//! One-dimensional convolution as a matrix product.
//!
//! With channels last, the `taps` neighbouring rows that one output sees lie next to each other: the input of a
//! convolution *is* a matrix of `taps * channels` columns whose rows overlap, and multiplying that view with the
//! weights is the convolution. Nothing is copied but for dilation: rows are first dealt into `dilation` decks
//! (row t into deck t mod dilation), in each of which the convolution is an ordinary one. The pass that writes the
//! input (padding, normalising, activating) deals them at no extra cost.

use rayon::prelude::*;

use super::activation::Activation;
use super::frames::{Frames, ROWS_PER_TASK};
use super::matmul::{Finish, Packed, Rows, Target, multiply};
use super::simd::{Isa, Loops};

/// Output rows of one product: whole register tiles, and few enough for both cores to share.
const ROWS_PER_PRODUCT: usize = 240;

/// How a convolution moves over time. Padding is the same on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) taps: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
}

impl Geometry {
    /// Stride 1 and as many outputs as inputs.
    pub(crate) fn same(taps: usize, dilation: usize) -> Self {
        let padding = dilation * (taps - 1) / 2;
        Self { taps, stride: 1, padding, dilation }
    }

    fn outputs(self, rows: usize) -> usize {
        (rows + 2 * self.padding - self.dilation * (self.taps - 1) - 1) / self.stride + 1
    }
}

/// The input of a convolution: padded, and dealt into decks.
#[derive(Debug)]
pub(super) struct Windows {
    values: Vec<f32>,
    rows: usize,
    cols: usize,
    deck_rows: usize,
}

impl Windows {
    /// Lays out the activated rows of `x`.
    pub(super) fn of(x: &Frames, activation: &Activation<'_>, geometry: Geometry, isa: Isa) -> Self {
        let Geometry { padding, dilation, .. } = geometry;
        let (rows, cols) = (x.rows(), x.cols());
        let deck_rows = (rows + 2 * padding).div_ceil(dilation);
        let mut values = vec![0.0; deck_rows * dilation * cols];
        let tasks = values.par_chunks_mut(ROWS_PER_TASK * cols).enumerate();
        tasks.for_each(|(task, chunk)| {
            isa.run(LayOut { x, activation, geometry, deck_rows, first: task * ROWS_PER_TASK, out: chunk });
        });
        Self { values, rows, cols, deck_rows }
    }

    pub(super) fn values(&self) -> &[f32] {
        &self.values
    }
}

/// Writes some rows of a buffer of windows; it finds them zeroed.
struct LayOut<'a> {
    x: &'a Frames,
    activation: &'a Activation<'a>,
    geometry: Geometry,
    deck_rows: usize,
    first: usize,
    out: &'a mut [f32],
}

impl Loops for LayOut<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { x, activation, geometry: Geometry { padding, dilation, .. }, deck_rows, first, out } = self;
        for (index, out) in out.chunks_exact_mut(x.cols()).enumerate() {
            let at = first + index;
            let padded = (at % deck_rows) * dilation + at / deck_rows;
            if (padding..padding + x.rows()).contains(&padded) {
                activation.apply(x.row(padded - padding), out);
            }
        }
    }
}

/// A convolution over time.
#[derive(Debug)]
pub(crate) struct Conv1d {
    weight: Packed,
    bias: Vec<f32>,
    inputs: usize,
    geometry: Geometry,
}

impl Conv1d {
    /// `weight` is `[outputs, inputs, taps]`, as PyTorch and ONNX store it; `outputs` is the length of `bias`.
    pub(crate) fn new(isa: Isa, weight: &[f32], bias: Vec<f32>, geometry: Geometry) -> Self {
        let (outputs, taps) = (bias.len(), geometry.taps);
        let inputs = weight.len() / outputs / taps;
        let weight =
            Packed::new(isa, [taps * inputs, outputs], |row, output| weight[(output * inputs + row % inputs) * taps + row / inputs]);
        Self { weight, bias, inputs, geometry }
    }

    /// Channels it makes.
    pub(crate) fn outputs(&self) -> usize {
        self.bias.len()
    }

    /// Convolves `x` as it is.
    pub(crate) fn forward(&self, x: &Frames) -> Frames {
        self.after(x, &Activation::Leave)
    }

    /// Convolves the activated `x`.
    pub(crate) fn after(&self, x: &Frames, activation: &Activation<'_>) -> Frames {
        let mut y = Frames::zeros(self.geometry.outputs(x.rows()), self.bias.len());
        self.run(x, activation, &mut y, false);
        y
    }

    /// `y = conv(activation(x))`, or `y +=` the same: the residual connection.
    pub(crate) fn run(&self, x: &Frames, activation: &Activation<'_>, y: &mut Frames, accumulate: bool) {
        let windows = Windows::of(x, activation, self.geometry, self.weight.isa());
        let (outputs, step) = (self.bias.len(), self.geometry.dilation);
        assert_eq!((windows.cols, y.cols()), (self.inputs, outputs), "channels differ; this is a bug");
        assert_eq!(y.rows(), self.geometry.outputs(windows.rows), "lengths differ; this is a bug");
        let rows_per_task = ROWS_PER_PRODUCT.next_multiple_of(step);
        let stride = self.geometry.stride * self.inputs;
        y.as_mut_slice().par_chunks_mut(rows_per_task * outputs).enumerate().for_each(|(task, chunk)| {
            let rows = chunk.len() / outputs;
            for deck in 0..step.min(rows) {
                let first = deck * windows.deck_rows + task * rows_per_task / step * self.geometry.stride;
                let rows = Rows { values: &windows.values[first * self.inputs..], stride, count: (rows - deck).div_ceil(step) };
                let target = Target { values: &mut chunk[deck * outputs..], stride: step * outputs };
                multiply(rows, &self.weight, target, Finish { bias: &self.bias, accumulate });
            }
        });
    }
}
