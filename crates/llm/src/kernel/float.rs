//! Products of f32 rows with f32 matrices whose columns lie side by side: exact weights, attention scores, mixed values.

use super::lanes::WIDTH;
use super::{Kernel, Lanes};

/// Columns of a panel.
pub(crate) const PANEL: usize = 64;
/// Vectors in a row of a panel.
const VECTORS: usize = PANEL / WIDTH;

/// `out[r] = a[r] * b` for a panel `b` of [`PANEL`] columns. Each result is one chain of fused multiply-adds from the first
/// row of `b` to the last, so it does not depend on how many rows are computed at once.
pub(crate) struct Product<'a> {
    /// Rows of the left factor, `stride_a` apart; `depth` of each are used.
    pub(crate) a: &'a [f32],
    pub(crate) stride_a: usize,
    pub(crate) rows: usize,
    /// `depth` rows of the right factor, `stride_b` apart; from each, its first [`PANEL`] values.
    pub(crate) b: &'a [f32],
    pub(crate) stride_b: usize,
    pub(crate) depth: usize,
    /// Results, `stride_out` apart.
    pub(crate) out: &'a mut [f32],
    pub(crate) stride_out: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let mut row = 0;
        while self.rows - row >= 4 {
            self.tile::<L, 4>(lanes, row);
            row += 4;
        }
        match self.rows - row {
            3 => self.tile::<L, 3>(lanes, row),
            2 => self.tile::<L, 2>(lanes, row),
            1 => self.tile::<L, 1>(lanes, row),
            _ => {}
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn tile<L: Lanes, const ROWS: usize>(&mut self, lanes: L, first: usize) {
        let left: [&[f32]; ROWS] = std::array::from_fn(|r| &self.a[(first + r) * self.stride_a..][..self.depth]);
        let mut sums = [[lanes.splat(0.0); VECTORS]; ROWS];
        #[expect(clippy::needless_range_loop, reason = "`k` walks down several rows at once")]
        for k in 0..self.depth {
            let right = self.b[k * self.stride_b..][..PANEL].as_chunks::<WIDTH>().0;
            let [a, b, c, d] = [lanes.load(&right[0]), lanes.load(&right[1]), lanes.load(&right[2]), lanes.load(&right[3])];
            unrolled!(ROWS, r, {
                let value = lanes.splat(left[r][k]);
                sums[r][0] = lanes.fma(value, a, sums[r][0]);
                sums[r][1] = lanes.fma(value, b, sums[r][1]);
                sums[r][2] = lanes.fma(value, c, sums[r][2]);
                sums[r][3] = lanes.fma(value, d, sums[r][3]);
            });
        }
        for (r, sums) in sums.iter().enumerate() {
            let out = self.out[(first + r) * self.stride_out..][..PANEL].as_chunks_mut::<WIDTH>().0;
            for v in 0..VECTORS {
                lanes.store(&mut out[v], sums[v]);
            }
        }
    }
}
