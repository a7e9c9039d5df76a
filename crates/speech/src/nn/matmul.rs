//! Matrix products: rows of activations times weights that were packed once.
//!
//! The right-hand matrix lies in panels of as many columns as the kernel keeps in registers, padded with zeros. The
//! left-hand one is read where it stands, row by row at any distance, overlapping rows too: that is what turns a
//! convolution into one product (`conv`). Bias and residual are added as results leave the registers. A result does not
//! depend on how rows are shared out: each is the same sum in the same order.

use pulp::{Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use super::simd::Isa;

/// Inner steps between two looks at the bounds of the rows.
const STEPS: usize = 8;

/// A matrix `[k, n]` in panels.
#[derive(Debug, Clone)]
pub(crate) struct Packed {
    isa: Isa,
    k: usize,
    n: usize,
    panels: Vec<f32>,
}

/// Columns of a panel: two registers of 16 or 8 numbers, or one of four that compilers make of plain code.
fn panel_columns(isa: Isa) -> usize {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(_) => 32,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(_) => 16,
        Isa::Portable => 4,
    }
}

impl Packed {
    /// Packs the matrix whose element in row `k`, column `n` is `at(k, n)`.
    pub(crate) fn new(isa: Isa, [k, n]: [usize; 2], at: impl Fn(usize, usize) -> f32 + Sync) -> Self {
        let columns = panel_columns(isa);
        let mut panels = vec![0.0; n.div_ceil(columns) * columns * k];
        panels.par_chunks_exact_mut(k * columns).enumerate().for_each(|(panel, values)| {
            for (row, values) in values.chunks_exact_mut(columns).enumerate() {
                for (column, value) in values.iter_mut().enumerate().take(n - panel * columns) {
                    *value = at(row, panel * columns + column);
                }
            }
        });
        Self { isa, k, n, panels }
    }

    /// Packs a matrix stored row after row.
    pub(crate) fn of_rows(isa: Isa, values: &[f32], n: usize) -> Self {
        Self::new(isa, [values.len() / n, n], |row, column| values[row * n + column])
    }

    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }
}

/// Rows of `k` numbers, `stride` numbers apart; they may overlap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) count: usize,
}

/// Where results go: row `i` to `values[i * stride..]`.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) values: &'a mut [f32],
    pub(crate) stride: usize,
}

/// What happens to a result as it is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish<'a> {
    /// One for each column, or empty.
    pub(crate) bias: &'a [f32],
    /// Add to what is there instead of replacing it.
    pub(crate) accumulate: bool,
}

/// `target = rows x matrix`, finished as told, on the calling thread.
pub(crate) fn multiply(rows: Rows<'_>, matrix: &Packed, target: Target<'_>, finish: Finish<'_>) {
    assert!(finish.bias.is_empty() || finish.bias.len() == matrix.n, "a bias for each column; this is a bug");
    if rows.count == 0 {
        return;
    }
    match matrix.isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(simd) => Simd::vectorize(simd, Product::<12, 4, 2, 32> { rows, matrix, target, finish }),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(simd) => Simd::vectorize(simd, Product::<6, 3, 2, 16> { rows, matrix, target, finish }),
        Isa::Portable => Simd::vectorize(pulp::Scalar, Product::<4, 2, 4, 4> { rows, matrix, target, finish }),
    }
}

/// The same over all threads: `[rows, n]` without gaps.
pub(crate) fn multiply_all(rows: Rows<'_>, matrix: &Packed, out: &mut [f32], finish: Finish<'_>) {
    // Whole register tiles for each thread; the results are the same however they are shared out.
    let share = rows.count.div_ceil(rayon::current_num_threads()).next_multiple_of(12).min(240);
    out.par_chunks_mut(share * matrix.n).enumerate().for_each(|(task, chunk)| {
        let count = chunk.len() / matrix.n;
        let values = &rows.values[task * share * rows.stride..];
        multiply(Rows { values, count, ..rows }, matrix, Target { values: chunk, stride: matrix.n }, finish);
    });
}

/// `ROWS` rows at a time (`FEW` for the rest), by panels of `VECTORS` registers that hold `COLUMNS` numbers together.
struct Product<'a, const ROWS: usize, const FEW: usize, const VECTORS: usize, const COLUMNS: usize> {
    rows: Rows<'a>,
    matrix: &'a Packed,
    target: Target<'a>,
    finish: Finish<'a>,
}

impl<const ROWS: usize, const FEW: usize, const VECTORS: usize, const COLUMNS: usize> WithSimd
    for Product<'_, ROWS, FEW, VECTORS, COLUMNS>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let panels = self.matrix.panels.chunks_exact(self.matrix.k * COLUMNS);
        for (panel, weights) in panels.enumerate() {
            let mut row = 0;
            while row + FEW < self.rows.count {
                self.tile::<S, ROWS>(simd, row, panel, weights);
                row += ROWS;
            }
            while row < self.rows.count {
                self.tile::<S, FEW>(simd, row, panel, weights);
                row += FEW;
            }
        }
    }
}

impl<const ROWS: usize, const FEW: usize, const VECTORS: usize, const COLUMNS: usize> Product<'_, ROWS, FEW, VECTORS, COLUMNS> {
    /// Rows `first..first + R` of one panel; rows beyond the last repeat it and are not stored.
    #[inline(always)]
    fn tile<S: Simd, const R: usize>(&mut self, simd: S, first: usize, panel: usize, weights: &[f32]) {
        let last = self.rows.count - 1;
        let a: [&[f32]; R] = std::array::from_fn(|row| &self.rows.values[(first + row).min(last) * self.rows.stride..][..self.matrix.k]);
        let sums = product::<S, R, VECTORS, COLUMNS>(simd, a, weights);
        let column = panel * COLUMNS;
        let width = COLUMNS.min(self.matrix.n - column);
        let mut bias = [0.0; COLUMNS];
        if !self.finish.bias.is_empty() {
            bias[..width].copy_from_slice(&self.finish.bias[column..column + width]);
        }
        for (row, sums) in sums.iter().enumerate().take(self.rows.count - first) {
            let out = &mut self.target.values[(first + row) * self.target.stride + column..][..width];
            if width == COLUMNS {
                let (out, bias): (&mut [S::f32s], &[S::f32s]) = (bytemuck::cast_slice_mut(out), bytemuck::cast_slice(&bias));
                for vector in 0..VECTORS {
                    let sum = simd.add_f32s(sums[vector], bias[vector]);
                    out[vector] = if self.finish.accumulate { simd.add_f32s(sum, out[vector]) } else { sum };
                }
                continue;
            }
            let sums: &[f32] = bytemuck::cast_slice(sums);
            for ((out, sum), bias) in out.iter_mut().zip(sums).zip(&bias) {
                *out = sum + bias + if self.finish.accumulate { *out } else { 0.0 };
            }
        }
    }
}

/// `R` rows times one panel, the sums in registers.
#[inline(always)]
fn product<S: Simd, const R: usize, const VECTORS: usize, const COLUMNS: usize>(
    simd: S,
    a: [&[f32]; R],
    panel: &[f32],
) -> [[S::f32s; VECTORS]; R] {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
    let (weights, _) = panel.as_chunks::<COLUMNS>();
    let (blocks, rest) = weights.as_chunks::<STEPS>();
    for (block, weights) in blocks.iter().enumerate() {
        // Arrays of known length: the loop below needs no bounds checks.
        let a: [&[f32; STEPS]; R] = std::array::from_fn(|row| a[row][block * STEPS..].first_chunk().expect("a row has k numbers"));
        for step in 0..STEPS {
            let b: &[S::f32s] = bytemuck::cast_slice(&weights[step]);
            for row in 0..R {
                let x = simd.splat_f32s(a[row][step]);
                for vector in 0..VECTORS {
                    sums[row][vector] = simd.mul_add_e_f32s(x, b[vector], sums[row][vector]);
                }
            }
        }
    }
    let done = blocks.len() * STEPS;
    for (step, weights) in rest.iter().enumerate() {
        let b: &[S::f32s] = bytemuck::cast_slice(weights);
        for row in 0..R {
            let x = simd.splat_f32s(a[row][done + step]);
            for vector in 0..VECTORS {
                sums[row][vector] = simd.mul_add_e_f32s(x, b[vector], sums[row][vector]);
            }
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between -1 and 1 that repeat after a prime number of steps.
    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|at| ((at * 37 % 1009) as f32 - 504.0) / 504.0).collect()
    }

    #[test]
    fn every_instruction_set_multiplies_like_the_definition() {
        for (rows, k, n, stride) in [(1, 3, 1, 3), (5, 8, 33, 4), (13, 21, 16, 21), (40, 100, 70, 30), (3, 1090, 2, 1090)] {
            let (a, b, bias) = (numbers((rows - 1) * stride + k), numbers(k * n), numbers(n));
            for isa in Isa::available() {
                let matrix = Packed::of_rows(isa, &b, n);
                let mut out = vec![1.0; rows * n];
                let target = Target { values: &mut out, stride: n };
                multiply(Rows { values: &a, stride, count: rows }, &matrix, target, Finish { bias: &bias, accumulate: true });
                for (at, out) in out.iter().enumerate() {
                    let (row, column) = (at / n, at % n);
                    let terms = (0..k).map(|k| f64::from(a[row * stride + k]) * f64::from(b[k * n + column]));
                    let exact = terms.clone().sum::<f64>() + f64::from(bias[column]) + 1.0;
                    let size = terms.map(f64::abs).sum::<f64>() + 2.0;
                    assert!((f64::from(*out) - exact).abs() < 2e-6 * size, "{isa:?} {rows}x{k}x{n} at {at}: {out} instead of {exact}");
                }
            }
        }
    }
}
