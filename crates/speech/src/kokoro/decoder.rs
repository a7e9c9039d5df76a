//! From stretched phonemes, melody and loudness to the features the generator turns into sound.

use super::adain::AdainBlock;
use super::weights::{Mismatch, Weights};
use crate::nn::{Conv1d, Frames, Geometry};

const TEXT: usize = 512;
const WIDTH: usize = 1024;
const RESIDUAL: usize = 64;

#[derive(Debug)]
pub(crate) struct Decoder {
    pitch: Conv1d,
    energy: Conv1d,
    text: Conv1d,
    encode: AdainBlock,
    decode: [AdainBlock; 4],
}

impl Decoder {
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let decoder = "/decoder/decoder";
        // The curves come at twice the frame rate; these halve it.
        let halving = Geometry { taps: 3, stride: 2, padding: 1, dilation: 1 };
        let curve = |name: &str| weights.conv(&format!("{decoder}/{name}"), [1, 1], halving);
        let joined = WIDTH + RESIDUAL + 2;
        let decode =
            |index: usize, outputs, doubles| AdainBlock::load(weights, &format!("{decoder}/decode.{index}"), [joined, outputs], doubles);
        Ok(Self {
            pitch: curve("F0_conv")?,
            energy: curve("N_conv")?,
            text: weights.conv(&format!("{decoder}/asr_res/asr_res.0"), [RESIDUAL, TEXT], Geometry::same(1, 1))?,
            encode: AdainBlock::load(weights, &format!("{decoder}/encode"), [TEXT + 2, WIDTH], false)?,
            decode: [decode(0, WIDTH, false)?, decode(1, WIDTH, false)?, decode(2, WIDTH, false)?, decode(3, WIDTH / 2, true)?],
        })
    }

    /// `text [F, 512]`, `pitch` and `energy` `[2F, 1]` to `[2F, 512]`.
    pub(crate) fn forward(&self, text: &Frames, pitch: &Frames, energy: &Frames, style: &[f32]) -> Frames {
        let (pitch, energy) = (self.pitch.forward(pitch), self.energy.forward(energy));
        let residual = self.text.forward(text);
        let mut x = self.encode.forward(&Frames::beside(&[text, &pitch, &energy]), style);
        for block in &self.decode {
            x = block.forward(&Frames::beside(&[&x, &residual, &pitch, &energy]), style);
        }
        x
    }
}
