//! Fully connected layers.

use super::frames::Frames;
use super::matmul::{Finish, Packed, Rows, multiply_all};
use super::simd::Isa;

/// `y = x W + b`, with `W [inputs, outputs]`.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Packed,
    bias: Vec<f32>,
    inputs: usize,
}

impl Linear {
    /// `weight` holds `inputs * bias.len()` values, input after input.
    pub(crate) fn new(inputs: usize, weight: &[f32], bias: Vec<f32>) -> Self {
        debug_assert_eq!(weight.len(), inputs * bias.len());
        Self { weight: Packed::of_rows(Isa::best(), weight, bias.len()), bias, inputs }
    }

    pub(crate) fn forward(&self, x: &Frames) -> Frames {
        assert_eq!(x.cols(), self.inputs, "channels differ; this is a bug");
        let rows = Rows { values: x.as_slice(), stride: x.cols(), count: x.rows() };
        let mut y = Frames::zeros(x.rows(), self.bias.len());
        multiply_all(rows, &self.weight, y.as_mut_slice(), Finish { bias: &self.bias, accumulate: false });
        y
    }

    /// The same for a single vector.
    pub(crate) fn forward_one(&self, x: &[f32]) -> Vec<f32> {
        let mut y = vec![0.0; self.bias.len()];
        let finish = Finish { bias: &self.bias, accumulate: false };
        multiply_all(Rows { values: x, stride: x.len(), count: 1 }, &self.weight, &mut y, finish);
        y
    }
}
