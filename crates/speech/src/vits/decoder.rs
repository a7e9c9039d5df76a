//! Frames to samples: HiFi-GAN's generator (Kong et al. 2020), with either of its residual blocks.

use std::ops::Range;

use rayon::prelude::*;

use super::weights::{Mismatch, Weights, mismatch};
use crate::nn::{Activation, ConvTranspose1d, Frames, SameConv};

const SLOPE: f32 = 0.1;
/// Numbers of one matrix that a task works on: a few such matrices fit the second-level cache.
const TASK: usize = 1 << 15;
/// The exporter left the last activation at PyTorch's default.
const LAST_SLOPE: f32 = 0.01;

#[derive(Debug)]
pub(super) struct Decoder {
    first: SameConv,
    stages: Vec<Stage>,
    last: SameConv,
    /// Frames on either side that a sample can depend on.
    halo: usize,
}

#[derive(Debug)]
struct Stage {
    up: ConvTranspose1d,
    stride: usize,
    blocks: Vec<Block>,
}

/// Convolutions with a shortcut around each, or around each pair.
#[derive(Debug)]
struct Block(Vec<(SameConv, Option<SameConv>)>);

impl Decoder {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let (mut ups, mut blocks) = (Vec::new(), Vec::new());
        while let Some(up) = weights.conv_transpose(&format!("/dec/ups.{}", ups.len()))? {
            ups.push(up);
        }
        while let Some(block) = Block::load(weights, &format!("/dec/resblocks.{}", blocks.len()))? {
            blocks.push(block);
        }
        if ups.is_empty() || blocks.is_empty() || blocks.len() % ups.len() != 0 {
            return Err(mismatch("/dec", "another number of residual blocks than of upsampling steps"));
        }
        let each = blocks.len() / ups.len();
        let mut blocks = blocks.into_iter();
        let stages: Vec<Stage> =
            ups.into_iter().map(|(up, stride)| Stage { up, stride, blocks: blocks.by_ref().take(each).collect() }).collect();
        let (first, last) = (weights.same_conv("/dec/conv_pre")?, weights.same_conv("/dec/conv_post")?);
        let reach = stages.iter().rev().fold(last.reach(), |reach, stage| {
            let blocks = stage.blocks.iter().map(Block::reach).max().unwrap_or(0);
            // A transposed convolution sees one step further.
            (reach + blocks).div_ceil(stage.stride) + 1
        });
        Ok(Self { halo: reach + first.reach(), first, stages, last })
    }

    pub(super) fn hop(&self) -> usize {
        self.stages.iter().map(|stage| stage.stride).product()
    }

    /// The samples of `frames`, out of `z [F, channels]`.
    pub(super) fn forward(&self, z: &Frames, frames: Range<usize>) -> Vec<f32> {
        let end = frames.end.min(z.rows());
        let begin = frames.start.min(end);
        let seen = begin.saturating_sub(self.halo)..(end + self.halo).min(z.rows());
        let mut x = self.first.after(&z.rows_of(seen.clone()), &Activation::Leave);
        for stage in &self.stages {
            let (rows, cols) = (x.rows() * stage.stride, stage.up.outputs());
            x = in_tasks(rows, cols, |rows, out| out.copy_from_slice(stage.rows(&x, rows).as_slice()));
        }
        let reach = self.last.reach();
        let y = in_tasks(x.rows(), 1, |rows, out| {
            let seen = rows.start.saturating_sub(reach)..(rows.end + reach).min(x.rows());
            let y = self.last.after(&x.rows_of(seen.clone()), &Activation::LeakyRelu(LAST_SLOPE));
            for (out, y) in out.iter_mut().zip(&y.as_slice()[rows.start - seen.start..]) {
                *out = y.tanh();
            }
        });
        y.as_slice()[(begin - seen.start) * self.hop()..][..(end - begin) * self.hop()].to_vec()
    }
}

/// `[rows, cols]`, some rows at a time, in parallel.
fn in_tasks(rows: usize, cols: usize, write: impl Fn(Range<usize>, &mut [f32]) + Sync) -> Frames {
    let mut all = Frames::zeros(rows, cols);
    // As many rows as make the reach of the widest kernels small beside them.
    let each = (TASK / cols).clamp(1 << 10, 1 << 13);
    all.as_mut_slice().par_chunks_mut(each * cols).enumerate().for_each(|(task, out)| {
        let first = task * each;
        write(first..first + out.len() / cols, out);
    });
    all
}

impl Stage {
    /// Some rows of the output. What they depend on is computed anew for each task: a tenth more, and all of it stays in cache.
    fn rows(&self, x: &Frames, rows: Range<usize>) -> Frames {
        let reach = self.blocks.iter().map(Block::reach).max().unwrap_or(0);
        // A transposed convolution sees one step on either side.
        let first = (rows.start.saturating_sub(reach) / self.stride).saturating_sub(1);
        let end = ((rows.end + reach).div_ceil(self.stride) + 1).min(x.rows());
        let x = self.up.after(&x.rows_of(first..end), &Activation::LeakyRelu(SLOPE));
        let mut sum = Frames::zeros(x.rows(), x.cols());
        let mut scratch = [x.clone(), x.clone()];
        for block in &self.blocks {
            block.add_to(&x, &mut scratch, &mut sum);
        }
        let share = 1.0 / self.blocks.len() as f32;
        let mut part = sum.rows_of(rows.start - first * self.stride..rows.end - first * self.stride);
        part.update(|_, row| row.iter_mut().for_each(|x| *x *= share));
        part
    }
}

impl Block {
    fn load(weights: &Weights<'_>, module: &str) -> Result<Option<Self>, Mismatch> {
        let mut layers = Vec::new();
        let paired = weights.has(&format!("{module}/convs1.0"));
        let name = |kind: &str, index: usize| format!("{module}/{kind}.{index}");
        let first = if paired { "convs1" } else { "convs" };
        while weights.has(&name(first, layers.len())) {
            let index = layers.len();
            let second = paired.then(|| weights.same_conv(&name("convs2", index))).transpose()?;
            layers.push((weights.same_conv(&name(first, index))?, second));
        }
        Ok((!layers.is_empty()).then_some(Self(layers)))
    }

    fn reach(&self) -> usize {
        self.0.iter().map(|(first, second)| first.reach() + second.as_ref().map_or(0, SameConv::reach)).sum()
    }

    /// `sum += block(x)`; the two scratch matrices are as large as `x`.
    fn add_to(&self, x: &Frames, [y, other]: &mut [Frames; 2], sum: &mut Frames) {
        let activation = Activation::LeakyRelu(SLOPE);
        y.copy_from(x);
        for (index, (first, second)) in self.0.iter().enumerate() {
            let last = index + 1 == self.0.len();
            if let Some(second) = second {
                first.run(y, &activation, other, false);
                second.run(other, &activation, y, true);
            } else if last {
                first.run(y, &activation, sum, true);
            } else {
                other.copy_from(y);
                first.run(y, &activation, other, true);
                std::mem::swap(y, other);
            }
        }
        sum.add(y);
    }
}
