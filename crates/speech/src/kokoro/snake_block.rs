//! The generator's residual block: three pairs of convolutions, each behind a styled normalisation and a snake.

use super::adain::AdaIn;
use super::weights::{Mismatch, Weights};
use crate::nn::{Activation, Frames, Geometry, ToomCook};

const DILATIONS: [usize; 3] = [1, 3, 5];

#[derive(Debug)]
pub(crate) struct SnakeBlock {
    layers: [[Half; 2]; 3],
}

/// Normalise, activate, convolve.
#[derive(Debug)]
struct Half {
    norm: AdaIn,
    alpha: Vec<f32>,
    inverse: Vec<f32>,
    conv: ToomCook,
}

impl SnakeBlock {
    /// `name` is the block's name within the generator, `taps` the kernel size of its convolutions.
    pub(crate) fn load(weights: &Weights<'_>, name: &str, channels: usize, taps: usize) -> Result<Self, Mismatch> {
        let layer = |index: usize| -> Result<[Half; 2], Mismatch> {
            let dilated = Geometry::same(taps, DILATIONS[index]);
            Ok([
                Half::load(weights, name, (1, index), channels, dilated)?,
                Half::load(weights, name, (2, index), channels, Geometry::same(taps, 1))?,
            ])
        };
        Ok(Self { layers: [layer(0)?, layer(1)?, layer(2)?] })
    }

    /// Changes `x [T, channels]`; `scratch` has its shape.
    pub(crate) fn run(&self, x: &mut Frames, scratch: &mut Frames, style: &[f32]) {
        for [first, second] in &self.layers {
            first.add_to(x, style, scratch, false);
            second.add_to(scratch, style, x, true);
        }
    }
}

impl Half {
    fn load(
        weights: &Weights<'_>,
        block: &str,
        (half, index): (usize, usize),
        channels: usize,
        geometry: Geometry,
    ) -> Result<Self, Mismatch> {
        let module = format!("/decoder/decoder/generator/{block}");
        let alpha = format!("decoder.decoder.generator.{block}.alpha{half}.{index}");
        let alpha = weights.parameter(&alpha, &[1, channels, 1])?;
        Ok(Self {
            norm: AdaIn::load(weights, &format!("{module}/adain{half}.{index}"), channels)?,
            inverse: alpha.iter().map(|alpha| 1.0 / alpha).collect(),
            alpha,
            conv: weights.fast_conv(&format!("{module}/convs{half}.{index}"), [channels, channels], geometry)?,
        })
    }

    fn add_to(&self, x: &Frames, style: &[f32], y: &mut Frames, accumulate: bool) {
        let affine = self.norm.fit(x, style);
        self.conv.run(x, &Activation::AffineSnake(&affine, &self.alpha, &self.inverse), y, accumulate);
    }
}
