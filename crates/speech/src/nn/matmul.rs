//! Matrix products through candle.
//!
//! Owns the one call into candle's CPU backend. It takes views with free strides, overlapping ones too, which is
//! what turns a convolution into one product. candle doesn't check a view against the buffer, so it is checked here.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, Layout, Shape};

/// f32 numbers that candle can multiply.
#[derive(Debug, Clone)]
pub(crate) struct Buffer(CpuStorage);

impl Buffer {
    pub(crate) fn new(values: Vec<f32>) -> Self {
        Self(CpuStorage::F32(values))
    }

    pub(crate) fn as_slice(&self) -> &[f32] {
        let CpuStorage::F32(values) = &self.0 else { unreachable!("a buffer is only ever made of f32") };
        values
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        let CpuStorage::F32(values) = &mut self.0 else { unreachable!("a buffer is only ever made of f32") };
        values
    }
}

/// Where a (batch of a) matrix stands in a buffer. Strides are in elements.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    pub(crate) start: usize,
    pub(crate) batch: usize,
    pub(crate) row: usize,
    pub(crate) col: usize,
}

impl View {
    /// Rows of `row` elements apart, columns next to each other.
    pub(crate) fn rows(start: usize, row: usize) -> Self {
        Self { start, batch: 0, row, col: 1 }
    }

    fn layout(self, len: usize, [batch, rows, cols]: [usize; 3]) -> Layout {
        let last = self.start + self.batch * (batch - 1) + self.row * (rows - 1) + self.col * (cols - 1);
        assert!(last < len, "a view must lie within its buffer; this is a bug");
        if batch == 1 {
            return Layout::new(Shape::from((rows, cols)), vec![self.row, self.col], self.start);
        }
        let strides = vec![self.batch, self.row, self.col];
        Layout::new(Shape::from((batch, rows, cols)), strides, self.start)
    }
}

/// `lhs [batch, m, k] x rhs [batch, k, n]`, a contiguous `[batch, m, n]`. No dimension may be 0.
pub(crate) fn multiply((lhs, lhs_view): (&Buffer, View), (rhs, rhs_view): (&Buffer, View), [batch, m, n, k]: [usize; 4]) -> Vec<f32> {
    let lhs_layout = lhs_view.layout(lhs.as_slice().len(), [batch, m, k]);
    let rhs_layout = rhs_view.layout(rhs.as_slice().len(), [batch, k, n]);
    let product = lhs.0.matmul(&rhs.0, (batch, m, n, k), &lhs_layout, &rhs_layout);
    match product.expect("f32 views of matching shape multiply; this is a bug") {
        CpuStorage::F32(values) => values,
        _ => unreachable!("f32 times f32 is f32"),
    }
}
