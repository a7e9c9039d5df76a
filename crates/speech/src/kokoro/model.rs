//! The network: four stages from token ids to samples, each callable alone so that tests can compare it.

use super::albert::{Albert, POSITIONS, SYMBOLS};
use super::decoder::Decoder;
use super::generator::Generator;
use super::prosody::{Predictor, Timing, WIDTH};
use super::source::{Excitation, Source};
use super::text_encoder::TextEncoder;
use super::voices::Style;
use super::weights::{Mismatch, Weights};
use crate::nn::{Frames, Linear};
use crate::onnx::Graph;

/// The longest input: the positions of the phoneme encoder less the two pads.
pub const MAX_IDS: usize = POSITIONS - 2;

/// Kokoro-82M's weights in f32.
#[derive(Debug)]
pub struct Model {
    albert: Albert,
    narrow: Linear,
    predictor: Predictor,
    text: TextEncoder,
    decoder: Decoder,
    source: Source,
    generator: Generator,
}

/// What is known of an utterance before any sound is made. A frame is 25 ms, 600 samples.
#[derive(Debug, Clone)]
pub struct Prosody {
    /// Frames for each token, pads included; their sum is F.
    pub durations: Vec<usize>,
    /// F0 in Hz, two values a frame: `[2F, 1]`.
    pub pitch: Frames,
    /// Loudness, two values a frame: `[2F, 1]`.
    pub energy: Frames,
    /// Phoneme features stretched over the frames: `[F, 512]`.
    pub text: Frames,
}

impl Model {
    pub(crate) fn load(graph: Graph<'_>) -> Result<Self, Mismatch> {
        let weights = Weights::new(graph);
        Ok(Self {
            albert: Albert::load(&weights)?,
            narrow: weights.linear("/encoder/bert_encoder", 768, WIDTH)?,
            predictor: Predictor::load(&weights)?,
            text: TextEncoder::load(&weights)?,
            decoder: Decoder::load(&weights)?,
            source: Source::load(&weights)?,
            generator: Generator::load(&weights)?,
        })
    }

    /// Symbols to timing and melody. `ids` come without pads: 1 to [`MAX_IDS`] of them, each a row of the embedding.
    /// `None` when they are not.
    pub fn prosody(&self, ids: &[u32], style: &Style, speed: f32) -> Option<Prosody> {
        if ids.is_empty() || ids.len() > MAX_IDS || ids.iter().any(|id| *id as usize >= SYMBOLS) {
            return None;
        }
        let ids: Vec<u32> = [&[0], ids, &[0]].concat();
        let encoded = self.narrow.forward(&self.albert.forward(&ids));
        let Timing { features, durations } = self.predictor.durations(&encoded, style.prosody(), speed);
        let (pitch, energy) = self.predictor.curves(&features.repeat_rows(&durations), style.prosody());
        let text = self.text.forward(&ids).repeat_rows(&durations);
        let curve = |values: Vec<f32>| Frames::new(values.len(), 1, values);
        Some(Prosody { durations, pitch: curve(pitch)?, energy: curve(energy)?, text })
    }

    /// Features for the generator: `[2F, 512]`.
    pub fn decode(&self, prosody: &Prosody, style: &Style) -> Frames {
        self.decoder.forward(&prosody.text, &prosody.pitch, &prosody.energy, style.timbre())
    }

    /// The excitation for an F0 curve in Hz, two values a frame.
    pub fn excite(&self, pitch: &[f32]) -> Excitation {
        self.source.excite(pitch)
    }

    /// `decoded [2F, 512]` and the excitation's spectrum `[120F + 1, 22]` to 600 F samples at 24 kHz.
    pub fn generate(&self, decoded: &Frames, spectrum: &Frames, style: &Style) -> Vec<f32> {
        self.generator.forward(decoded, spectrum, style.timbre())
    }

    /// All four stages.
    pub fn speak(&self, ids: &[u32], style: &Style, speed: f32) -> Option<Vec<f32>> {
        let prosody = self.prosody(ids, style, speed)?;
        let excitation = self.excite(prosody.pitch.as_slice());
        Some(self.generate(&self.decode(&prosody, style), &excitation.spectrum, style))
    }
}
