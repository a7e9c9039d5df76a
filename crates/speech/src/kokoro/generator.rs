//! The generator: decoder features and excitation to sound (iSTFTNet with snake activations).
//!
//! Nearly nine tenths of the work of the whole model is in the residual blocks here.

use super::istft::{self, BINS};
use super::snake_block::SnakeBlock;
use super::weights::{Mismatch, Weights};
use crate::nn::{Activation, Conv1d, ConvTranspose1d, Frames, Geometry};

const GENERATOR: &str = "/decoder/decoder/generator";

#[derive(Debug)]
pub(crate) struct Generator {
    stages: [Stage; 2],
    last: Conv1d,
}

/// One step up in rate: by 10, then by 6.
#[derive(Debug)]
struct Stage {
    up: ConvTranspose1d,
    excitation: Conv1d,
    excitation_block: SnakeBlock,
    blocks: [SnakeBlock; 3],
}

impl Generator {
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let by_six = Geometry { taps: 12, stride: 6, padding: 3, dilation: 1 };
        Ok(Self {
            stages: [
                Stage::load(weights, 0, [512, 256], 10, (by_six, 7))?,
                Stage::load(weights, 1, [256, 128], 6, (Geometry::same(1, 1), 11))?,
            ],
            last: weights.float_conv(&format!("{GENERATOR}/conv_post"), [2 * BINS, 128], Geometry::same(7, 1))?,
        })
    }

    /// `x [2F, 512]` and the excitation's spectrum `[120F + 1, 22]` to `600 F` samples.
    pub(crate) fn forward(&self, x: &Frames, spectrum: &Frames, style: &[f32]) -> Vec<f32> {
        istft::inverse(&self.log_spectrum(x, spectrum, style))
    }

    fn log_spectrum(&self, x: &Frames, spectrum: &Frames, style: &[f32]) -> Frames {
        let [first, second] = &self.stages;
        let x = first.forward(x, spectrum, style);
        let x = second.forward(&x, spectrum, style);
        let mut y = self.last.after(&x, &Activation::LeakyRelu(0.01));
        y.update(|_, row| {
            let (magnitudes, phases) = row.split_at_mut(BINS);
            for (magnitude, phase) in magnitudes.iter_mut().zip(phases) {
                (*magnitude, *phase) = (magnitude.exp(), phase.sin());
            }
        });
        y
    }
}

impl Stage {
    fn load(
        weights: &Weights<'_>,
        index: usize,
        channels: [usize; 2],
        stride: usize,
        excitation: (Geometry, usize),
    ) -> Result<Self, Mismatch> {
        let (geometry, taps) = excitation;
        let outputs = channels[1];
        let block = |name: &str, taps| SnakeBlock::load(weights, name, outputs, taps);
        let blocks = |kind: usize, taps| block(&format!("resblocks.{}", 3 * index + kind), taps);
        Ok(Self {
            up: weights.conv_transpose(&format!("{GENERATOR}/ups.{index}"), channels, stride)?,
            excitation: weights.conv(&format!("{GENERATOR}/noise_convs.{index}"), [outputs, 2 * BINS], geometry)?,
            excitation_block: block(&format!("noise_res.{index}"), taps)?,
            blocks: [blocks(0, 3)?, blocks(1, 7)?, blocks(2, 11)?],
        })
    }

    fn forward(&self, x: &Frames, spectrum: &Frames, style: &[f32]) -> Frames {
        let up = self.up.after(x, &Activation::LeakyRelu(0.1));
        let mut x = self.excitation.forward(spectrum);
        let mut scratch = Frames::zeros(x.rows(), x.cols());
        self.excitation_block.run(&mut x, &mut scratch, style);
        // The last stage has one row more than its input, reflected at the start.
        let before = x.rows() - up.rows();
        x.update(|row, x| {
            for (x, up) in x.iter_mut().zip(up.row(row.abs_diff(before))) {
                *x += up;
            }
        });
        let mut mean = Frames::zeros(x.rows(), x.cols());
        let mut work = x.clone();
        for (index, block) in self.blocks.iter().enumerate() {
            if index > 0 {
                work.copy_from(&x);
            }
            block.run(&mut work, &mut scratch, style);
            mean.update(|row, mean| {
                for (mean, x) in mean.iter_mut().zip(work.row(row)) {
                    *mean += x / 3.0;
                }
            });
        }
        mean
    }
}
