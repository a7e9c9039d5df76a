//! Fully connected layers.

use super::frames::Frames;
use super::matmul::{Buffer, View, multiply};

/// `y = x W + b`, with `W [inputs, outputs]`.
#[derive(Debug)]
pub(crate) struct Linear {
    weight: Buffer,
    bias: Vec<f32>,
    inputs: usize,
}

impl Linear {
    /// `weight` holds `inputs * bias.len()` values, input after input.
    pub(crate) fn new(inputs: usize, weight: Vec<f32>, bias: Vec<f32>) -> Self {
        debug_assert_eq!(weight.len(), inputs * bias.len());
        Self { weight: Buffer::new(weight), bias, inputs }
    }

    pub(crate) fn forward(&self, x: &Frames) -> Frames {
        let (rows, outputs) = (x.rows(), self.bias.len());
        let weight = (&self.weight, View::rows(0, outputs));
        let x = (x.buffer(), View::rows(0, self.inputs));
        let mut y = multiply(x, weight, [1, rows, outputs, self.inputs]);
        for row in y.chunks_exact_mut(outputs) {
            for (y, bias) in row.iter_mut().zip(&self.bias) {
                *y += bias;
            }
        }
        Frames::new(rows, outputs, y).expect("a product has m x n values; this is a bug")
    }

    /// The same for a single vector.
    pub(crate) fn forward_one(&self, x: &[f32]) -> Vec<f32> {
        let mut y = self.bias.clone();
        let rows = self.weight.as_slice().chunks_exact(self.bias.len());
        for (x, row) in x.iter().zip(rows) {
            for (y, weight) in y.iter_mut().zip(row) {
                *y += x * weight;
            }
        }
        y
    }
}
