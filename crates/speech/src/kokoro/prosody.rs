//! How long each symbol lasts, and the melody and loudness over it.

use super::adain::{AdainBlock, STYLE};
use super::weights::{Mismatch, Weights};
use crate::nn::{BiLstm, Conv1d, Frames, Geometry, LayerNorm, Linear, sigmoid};

pub(crate) const WIDTH: usize = 512;
const HIDDEN: usize = 256;
/// A duration is a sum of this many probabilities, so at most 50 frames (1.25 s) at speed 1.
const BINS: usize = 50;
const EPSILON: f32 = 1e-5;

/// The predictor: durations from phoneme features, then F0 and energy from the stretched features.
#[derive(Debug)]
pub(crate) struct Predictor {
    encoder: [(BiLstm, Linear); 3],
    lstm: BiLstm,
    duration: Linear,
    shared: BiLstm,
    pitch: Branch,
    energy: Branch,
}

/// What [`Predictor::durations`] finds.
#[derive(Debug)]
pub(crate) struct Timing {
    /// Features of each token, the style beside them: `[T, 640]`.
    pub(crate) features: Frames,
    /// Frames of 25 ms for each token, at least 1.
    pub(crate) durations: Vec<usize>,
}

impl Predictor {
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let predictor = "/encoder/predictor";
        let encoder = |layer: usize| -> Result<(BiLstm, Linear), Mismatch> {
            let module = |index| format!("{predictor}/text_encoder/lstms.{index}");
            let lstm = weights.lstm(&module(2 * layer), WIDTH + STYLE, HIDDEN)?;
            Ok((lstm, weights.linear(&format!("{}/fc", module(2 * layer + 1)), STYLE, 2 * WIDTH)?))
        };
        Ok(Self {
            encoder: [encoder(0)?, encoder(1)?, encoder(2)?],
            lstm: weights.lstm(&format!("{predictor}/lstm"), WIDTH + STYLE, HIDDEN)?,
            duration: weights.linear(&format!("{predictor}/duration_proj/linear_layer"), WIDTH, BINS)?,
            shared: weights.lstm("/encoder/shared", WIDTH + STYLE, HIDDEN)?,
            pitch: Branch::load(weights, "F0")?,
            energy: Branch::load(weights, "N")?,
        })
    }

    /// `encoded [T, 512]` to features and durations. The graph divides by the speed before it rounds half to even.
    pub(crate) fn durations(&self, encoded: &Frames, style: &[f32], speed: f32) -> Timing {
        let styles = Frames::fill(encoded.rows(), STYLE, |_, out| out.copy_from_slice(style));
        let mut features = Frames::beside(&[encoded, &styles]);
        for (lstm, fc) in &self.encoder {
            let mut y = lstm.forward(&features);
            let both = fc.forward_one(style);
            let (gamma, beta) = both.split_at(WIDTH);
            let scale = gamma.iter().map(|gamma| 1.0 + gamma).collect();
            let norm = LayerNorm { scale, shift: beta.to_vec(), epsilon: EPSILON };
            y.update(|_, row| norm.apply(row));
            features = Frames::beside(&[&y, &styles]);
        }
        let bins = self.duration.forward(&self.lstm.forward(&features));
        let durations = (0..bins.rows())
            .map(|row| bins.row(row).iter().map(|x| sigmoid(*x)).sum::<f32>() / speed)
            .map(|frames| frames.round_ties_even().max(1.0) as usize)
            .collect();
        Timing { features, durations }
    }

    /// F0 in Hz and energy, two values for each frame, from the features stretched to `[F, 640]`.
    pub(crate) fn curves(&self, stretched: &Frames, style: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let shared = self.shared.forward(stretched);
        rayon::join(|| self.pitch.forward(&shared, style), || self.energy.forward(&shared, style))
    }
}

/// Three residual blocks, the second of which doubles the rate, and a projection to one number.
#[derive(Debug)]
struct Branch {
    blocks: [AdainBlock; 3],
    projection: Conv1d,
}

impl Branch {
    fn load(weights: &Weights<'_>, name: &str) -> Result<Self, Mismatch> {
        let block = |index: usize, channels, doubles| AdainBlock::load(weights, &format!("/encoder/{name}.{index}"), channels, doubles);
        Ok(Self {
            blocks: [block(0, [WIDTH, WIDTH], false)?, block(1, [WIDTH, HIDDEN], true)?, block(2, [HIDDEN, HIDDEN], false)?],
            projection: weights.conv(&format!("/encoder/{name}_proj"), [1, HIDDEN], Geometry::same(1, 1))?,
        })
    }

    fn forward(&self, x: &Frames, style: &[f32]) -> Vec<f32> {
        let [first, second, third] = &self.blocks;
        let y = third.forward(&second.forward(&first.forward(x, style), style), style);
        self.projection.forward(&y).as_slice().to_vec()
    }
}
