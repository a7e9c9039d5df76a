//! Normalisation over channels (layer norm) and over time (the statistics of adaptive instance norm).

use rayon::prelude::*;

use super::frames::Frames;
use super::simd::{Isa, Loops};

/// Rows whose moments are taken together before merging.
const BLOCK: usize = 128;

/// Layer normalisation of each row (Ba et al. 2016), biased variance.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
    pub(crate) epsilon: f32,
}

impl LayerNorm {
    pub(crate) fn apply(&self, row: &mut [f32]) {
        normalise_row(row, self.epsilon);
        for ((x, scale), shift) in row.iter_mut().zip(&self.scale).zip(&self.shift) {
            *x = *x * scale + shift;
        }
    }
}

/// Zero mean and unit variance over one row.
pub(crate) fn normalise_row(row: &mut [f32], epsilon: f32) {
    // Summed in f64: what f32 would lose here, every later layer would amplify.
    let len = row.len() as f64;
    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / len;
    let square = |x: &f32| (f64::from(*x) - mean) * (f64::from(*x) - mean);
    let variance = row.iter().map(square).sum::<f64>() / len;
    let (mean, inverse) = (mean as f32, (1.0 / (variance + f64::from(epsilon)).sqrt()) as f32);
    for x in row {
        *x = (*x - mean) * inverse;
    }
}

/// `(x - mean) * scale + shift` for each channel.
#[derive(Debug)]
pub(crate) struct Affine {
    pub(crate) mean: Vec<f32>,
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl Affine {
    #[inline(always)]
    pub(crate) fn apply(&self, x: &[f32], out: &mut [f32]) {
        let parameters = self.mean.iter().zip(&self.scale).zip(&self.shift);
        for ((out, x), ((mean, scale), shift)) in out.iter_mut().zip(x).zip(parameters) {
            *out = (x - mean) * scale + shift;
        }
    }
}

/// Mean and biased variance of every channel over time.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    pub(crate) mean: Vec<f32>,
    pub(crate) variance: Vec<f32>,
}

impl Moments {
    /// One pass over memory: two-pass moments within blocks, merged in order (Chan et al. 1979). `E[x^2] - E[x]^2`
    /// in f32 would lose digits, for generator activations reach 93; the order is fixed whatever the threads do.
    pub(crate) fn over_time(x: &Frames) -> Self {
        let cols = x.cols();
        let blocks: Vec<(Vec<f32>, Vec<f32>, usize)> = x
            .as_slice()
            .par_chunks(BLOCK * cols)
            .map(|block| {
                let (mean, squares) = Isa::best().run(BlockMoments { block, cols });
                (mean, squares, block.len() / cols)
            })
            .collect();
        let (mut mean, mut squares) = (vec![0.0_f64; cols], vec![0.0_f64; cols]);
        let mut count = 0.0;
        for (block_mean, block_squares, rows) in blocks {
            let rows = rows as f64;
            let total = count + rows;
            let merged = mean.iter_mut().zip(&mut squares).zip(block_mean.iter().zip(&block_squares));
            for ((mean, squares), (block_mean, block_squares)) in merged {
                let delta = f64::from(*block_mean) - *mean;
                *mean += delta * rows / total;
                *squares += f64::from(*block_squares) + delta * delta * count * rows / total;
            }
            count = total;
        }
        Self {
            mean: mean.into_iter().map(|mean| mean as f32).collect(),
            variance: squares.into_iter().map(|sum| (sum / count) as f32).collect(),
        }
    }
}

/// Means, and sums of squared differences from them.
struct BlockMoments<'a> {
    block: &'a [f32],
    cols: usize,
}

impl Loops for BlockMoments<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    #[inline(always)]
    fn run(self) -> Self::Output {
        let Self { block, cols } = self;
        let rows = (block.len() / cols) as f32;
        let (mut mean, mut squares) = (vec![0.0_f32; cols], vec![0.0_f32; cols]);
        for row in block.chunks_exact(cols) {
            for (sum, x) in mean.iter_mut().zip(row) {
                *sum += x;
            }
        }
        for mean in &mut mean {
            *mean /= rows;
        }
        for row in block.chunks_exact(cols) {
            for ((sum, x), mean) in squares.iter_mut().zip(row).zip(&mean) {
                *sum += (x - mean) * (x - mean);
            }
        }
        (mean, squares)
    }
}
