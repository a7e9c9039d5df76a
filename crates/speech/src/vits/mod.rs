//! VITS (Kim et al. 2021) as Piper exports it: a voice is one ONNX file and its `.onnx.json`.
//!
//! Owns the voice's files, its network and the way from phonemes to samples. Promises the numbers of ONNX Runtime for the
//! same phonemes, durations and noise (docs/speech.md records how near), and the same samples for the same input
//! whatever the number of threads; cutting the sound into chunks does not change it. Phonemes are given: what turns a
//! text into them is not this module's business. Voices with several speakers are refused so far.

mod config;
mod decoder;
mod durations;
mod flow;
mod spline;
mod text_encoder;
mod weights;

use std::ops::Range;
use std::path::{Path, PathBuf};

use rand::RngExt as _;
use rand_chacha::rand_core::SeedableRng as _;

use crate::error::Error;
use crate::kokoro::Speech;
use crate::nn::Frames;
use crate::onnx::Graph;
use config::Config;
use decoder::Decoder;
use durations::DurationPredictor;
use flow::Flow;
use text_encoder::TextEncoder;
use weights::Weights;

/// How a voice speaks: how much it varies, and how slowly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    /// Variation of the sound; 0 for none.
    pub noise: f32,
    /// Variation of the rhythm; 0 for none.
    pub rhythm_noise: f32,
    /// Factor of all durations: 2 is half as fast.
    pub length: f32,
    /// The variation is drawn from this seed: the same seed gives the same samples.
    pub seed: u64,
}

/// A voice in memory. Cheap to share; one call already uses all cores.
#[derive(Debug)]
pub struct Vits {
    config: Config,
    text: TextEncoder,
    durations: DurationPredictor,
    flow: Flow,
    decoder: Decoder,
}

/// An utterance before it is sound.
#[derive(Debug)]
pub struct Latent {
    /// Frames for each id.
    pub durations: Vec<usize>,
    frames: Frames,
}

impl Latent {
    /// Frames of the utterance; [`Vits::hop`] samples each.
    pub fn frames(&self) -> usize {
        self.frames.rows()
    }
}

impl Vits {
    /// Reads a voice: `model` is the ONNX file; the configuration lies beside it under the same name with `.json` behind.
    ///
    /// # Errors
    /// [`Error::Read`] when a file cannot be read, [`Error::Damaged`] when it is no Piper voice of one speaker.
    pub fn open(model: &Path) -> Result<Self, Error> {
        let config = Config::open(&PathBuf::from(format!("{}.json", model.display())))?;
        let bytes = std::fs::read(model).map_err(|source| Error::read(model, source))?;
        let graph = Graph::parse(&bytes).map_err(|error| Error::damaged(model, format!("not an ONNX file: {error}")))?;
        Self::load(config, graph).map_err(|error| Error::damaged(model, error.to_string()))
    }

    fn load(config: Config, graph: Graph<'_>) -> Result<Self, weights::Mismatch> {
        let weights = Weights::new(graph);
        Ok(Self {
            text: TextEncoder::load(&weights)?,
            durations: DurationPredictor::load(&weights)?,
            flow: Flow::load(&weights)?,
            decoder: Decoder::load(&weights)?,
            config,
        })
    }

    /// Samples a second.
    pub fn sample_rate(&self) -> u32 {
        self.config.audio.sample_rate
    }

    /// Samples of a frame.
    pub fn hop(&self) -> usize {
        self.decoder.hop()
    }

    /// The manner the voice was published with.
    pub fn manner(&self) -> Manner {
        let inference = &self.config.inference;
        Manner { noise: inference.noise_scale, rhythm_noise: inference.noise_w, length: inference.length_scale, seed: 0 }
    }

    /// The ids of phonemes, with the marks the model expects around and between them. Unknown symbols are left out.
    pub fn ids(&self, phonemes: &str) -> Vec<u32> {
        self.config.ids(phonemes)
    }

    /// Everything but the sound. `None` when there is no id, or one the model doesn't know.
    pub fn plan(&self, ids: &[u32], manner: Manner) -> Option<Latent> {
        if ids.is_empty() || ids.iter().any(|id| *id as usize >= self.text.symbols()) {
            return None;
        }
        let mut noise = Noise(rand_chacha::ChaCha8Rng::seed_from_u64(manner.seed));
        let encoded = self.text.forward(ids);
        let rhythm = noise.frames(ids.len(), 2, manner.rhythm_noise);
        let durations = self.durations.forward(&encoded.hidden, rhythm, manner.length);
        let (mean, deviation) = (encoded.mean.repeat_rows(&durations), encoded.log_deviation.repeat_rows(&durations));
        let mut prior = noise.frames(mean.rows(), mean.cols(), manner.noise);
        prior.update(|row, z| {
            for ((z, mean), log) in z.iter_mut().zip(mean.row(row)).zip(deviation.row(row)) {
                *z = if *z == 0.0 { *mean } else { mean + *z * log.exp() };
            }
        });
        Some(Latent { durations, frames: self.flow.reverse(prior) })
    }

    /// The samples of some frames, between -1 and 1: equal to the same part of the whole up to rounding.
    pub fn decode(&self, latent: &Latent, frames: Range<usize>) -> Vec<f32> {
        self.decoder.forward(&latent.frames, frames)
    }

    /// Phonemes to sound.
    ///
    /// # Errors
    /// [`Error::Phonemes`] when none of them is known to the voice.
    pub fn speak(&self, phonemes: &str, manner: Manner) -> Result<Speech, Error> {
        let ids = self.ids(phonemes);
        let latent = self.plan(&ids, manner).ok_or_else(|| Error::Phonemes { sample: phonemes.chars().take(20).collect() })?;
        Ok(Speech { samples: self.decode(&latent, 0..latent.frames()), sample_rate: self.sample_rate() })
    }
}

/// Normally distributed numbers (Box and Muller 1958).
struct Noise(rand_chacha::ChaCha8Rng);

impl Noise {
    /// `[rows, cols]` times `scale`; without a draw where that is 0.
    fn frames(&mut self, rows: usize, cols: usize, scale: f32) -> Frames {
        let mut frames = Frames::zeros(rows, cols);
        if scale == 0.0 {
            return frames;
        }
        for pair in frames.as_mut_slice().chunks_mut(2) {
            let (radius, turn): (f64, f64) = (1.0 - self.0.random::<f64>(), self.0.random());
            let radius = (-2.0 * radius.ln()).sqrt();
            let (sin, cos) = (std::f64::consts::TAU * turn).sin_cos();
            for (value, part) in pair.iter_mut().zip([cos, sin]) {
                *value = scale * (radius * part) as f32;
            }
        }
        frames
    }
}
