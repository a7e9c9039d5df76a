//! Adaptive instance normalisation, and the residual block of StyleTTS 2 built on it (Li et al. 2023, `AdainResBlk1d`).

use super::weights::{Mismatch, Weights};
use crate::nn::{Activation, Affine, Conv1d, DepthwiseDoubling, Frames, Geometry, Linear, Moments};

/// Numbers in one half of a style vector.
pub(crate) const STYLE: usize = 128;
const EPSILON: f32 = 1e-5;

/// Normalises every channel over time, then scales and shifts it as the style says.
#[derive(Debug)]
pub(crate) struct AdaIn {
    fc: Linear,
}

impl AdaIn {
    pub(crate) fn load(weights: &Weights<'_>, module: &str, channels: usize) -> Result<Self, Mismatch> {
        Ok(Self { fc: weights.linear(&format!("{module}/fc"), STYLE, 2 * channels)? })
    }

    /// The map for this input and style. Statistics are over the whole utterance.
    pub(crate) fn fit(&self, x: &Frames, style: &[f32]) -> Affine {
        let Moments { mean, variance } = Moments::over_time(x);
        let both = self.fc.forward_one(style);
        let (gamma, beta) = both.split_at(x.cols());
        let scale = variance.iter().zip(gamma).map(|(v, gamma)| (1.0 + gamma) / (v + EPSILON).sqrt());
        Affine { mean, scale: scale.collect(), shift: beta.to_vec() }
    }
}

/// Two normalised convolutions with a shortcut around them; may double the time axis.
#[derive(Debug)]
pub(crate) struct AdainBlock {
    norm1: AdaIn,
    conv1: Conv1d,
    norm2: AdaIn,
    conv2: Conv1d,
    shortcut: Option<Conv1d>,
    doubling: Option<DepthwiseDoubling>,
}

impl AdainBlock {
    pub(crate) fn load(weights: &Weights<'_>, module: &str, [inputs, outputs]: [usize; 2], doubles: bool) -> Result<Self, Mismatch> {
        let three = Geometry::same(3, 1);
        let shortcut = || weights.conv(&format!("{module}/conv1x1"), [outputs, inputs], Geometry::same(1, 1));
        Ok(Self {
            norm1: AdaIn::load(weights, &format!("{module}/norm1"), inputs)?,
            conv1: weights.conv(&format!("{module}/conv1"), [outputs, inputs], three)?,
            norm2: AdaIn::load(weights, &format!("{module}/norm2"), outputs)?,
            conv2: weights.conv(&format!("{module}/conv2"), [outputs, outputs], three)?,
            shortcut: (inputs != outputs).then(shortcut).transpose()?,
            doubling: doubles.then(|| weights.doubling(&format!("{module}/pool"), inputs)).transpose()?,
        })
    }

    pub(crate) fn forward(&self, x: &Frames, style: &[f32]) -> Frames {
        let affine = self.norm1.fit(x, style);
        let activation = Activation::AffineLeakyRelu(&affine, 0.2);
        let y = if let Some(doubling) = &self.doubling {
            let activated = Frames::fill(x.rows(), x.cols(), |row, out| activation.apply(x.row(row), out));
            self.conv1.forward(&doubling.forward(&activated))
        } else {
            self.conv1.after(x, &activation)
        };
        let affine = self.norm2.fit(&y, style);
        let mut out = self.around(x);
        self.conv2.run(&y, &Activation::AffineLeakyRelu(&affine, 0.2), &mut out, true);
        out.update(|_, row| row.iter_mut().for_each(|x| *x /= std::f32::consts::SQRT_2));
        out
    }

    /// The shortcut. Convolving one to one before repeating rows gives the same as after, for half the work.
    fn around(&self, x: &Frames) -> Frames {
        let short = self.shortcut.as_ref().map_or_else(|| x.clone(), |conv| conv.forward(x));
        if self.doubling.is_none() {
            return short;
        }
        short.repeat_rows(&vec![2; short.rows()])
    }
}
