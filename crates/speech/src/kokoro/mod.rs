//! Kokoro-82M (<https://huggingface.co/hexgrad/Kokoro-82M>, Apache-2.0), a StyleTTS 2 model with an iSTFTNet
//! generator, from its int8 ONNX file, computed in f32.
//!
//! Owns the model's files, its network and the way from a text to samples. Promises the numbers of the float form of the
//! file (docs/speech.md records how near) and the same samples for the same input whatever the number of threads.
//! It does not know about caches, jobs or time; the WAV around the samples is `crate::wav`'s.

mod adain;
mod albert;
mod decoder;
mod generator;
mod istft;
mod model;
mod pieces;
mod prosody;
mod snake_block;
mod source;
mod text_encoder;
mod vocab;
mod voices;
mod weights;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use model::{MAX_IDS, Model, Prosody};
pub use source::Excitation;
pub use voices::Style;
pub use weights::Mismatch;

use crate::error::Error;
use crate::onnx::Graph;
use crate::text::{self, Cue, Dictionary, Language, Script};
use vocab::Vocab;
use voices::Voices;

/// Samples a second of everything the model makes.
pub const SAMPLE_RATE: u32 = 24_000;
/// The voice that is understood best in Korean: every blend that was tried beat the clearest single one (docs/speech.md).
pub const DEFAULT_VOICE: &str = "jf_alpha:0.4,jf_tebukuro:0.3,jm_kumo:0.3";
/// The speeds that are accepted; beyond them the durations fall apart.
pub const SPEEDS: std::ops::RangeInclusive<f32> = 0.5..=2.0;
/// Changes whenever the same text would give other samples, so that stored clips are made anew.
pub const ENGINE_VERSION: u32 = 5;
/// SHA-256 of the one model file this engine maps.
pub const MODEL_SHA256: &str = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb";

const MODEL_BYTES: usize = 92_361_271;
/// Silence between two pieces, on top of what the model breathes itself.
const PAUSE_MS: u32 = 120;

/// Where the model's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KokoroFiles {
    /// kokoro-82m-int8.onnx.
    pub model: PathBuf,
    /// voices_ja.npz.
    pub voices: PathBuf,
    /// vocab.json.
    pub vocab: PathBuf,
}

/// A text and how to say it.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance<'a> {
    /// What to say, as a person writes it, or SSML.
    pub text: &'a str,
    /// The language it is read in.
    pub language: Language,
    /// A voice's name, or a blend such as `jf_alpha:0.7,jm_kumo:0.3`.
    pub voice: &'a str,
    /// 1 is the model's own pace, 2 twice as fast. See [`SPEEDS`].
    pub speed: f32,
}

/// Sound: one channel of samples between -1 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Speech {
    /// The samples.
    pub samples: Vec<f32>,
    /// Samples a second.
    pub sample_rate: u32,
}

impl Speech {
    /// Length in seconds.
    pub fn seconds(&self) -> f64 {
        self.samples.len() as f64 / f64::from(self.sample_rate)
    }
}

/// The engine: weights, voices and alphabet in memory (350 MB). Cheap to share, safe to call from several threads;
/// one call already uses all cores.
#[derive(Debug)]
pub struct Kokoro {
    model: Model,
    voices: Voices,
    vocab: Vocab,
}

impl Kokoro {
    /// Reads and checks the files.
    ///
    /// # Errors
    /// [`Error::Read`] when a file cannot be read, [`Error::Damaged`] when it is cut short, changed or another file.
    pub fn open(files: &KokoroFiles) -> Result<Self, Error> {
        Ok(Self { voices: Voices::open(&files.voices)?, vocab: Vocab::open(&files.vocab)?, model: open_model(&files.model)? })
    }

    /// The names of the voices, in order.
    pub fn voices(&self) -> Vec<&str> {
        self.voices.names().collect()
    }

    /// The style of a voice or blend for an input of `ids` symbols.
    pub fn style(&self, voice: &str, ids: usize) -> Result<Style, Error> {
        self.voices.style(voice, ids)
    }

    /// The network, for those who bring ids and style themselves.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Says a text, plain or SSML, piece after piece with a short pause between.
    ///
    /// # Errors
    /// [`Error::Text`] for a text that cannot be spoken, [`Error::UnknownVoice`], [`Error::Speed`].
    pub fn speak(&self, utterance: &Utterance<'_>) -> Result<Speech, Error> {
        let script = Script::read(utterance.text, utterance.language, &Dictionary::default())?;
        self.perform(&script, utterance.voice, utterance.speed, &mut || ())
    }

    /// Says a script, whose paces multiply `speed`, and calls `spoken` after each piece: for who watches whether it hangs. A piece is
    /// half a minute of sound at most.
    ///
    /// # Errors
    /// As [`Kokoro::speak`].
    pub fn perform(&self, script: &Script, voice: &str, speed: f32, spoken: &mut dyn FnMut()) -> Result<Speech, Error> {
        check_speed(speed)?;
        self.voices.style(voice, 0)?;
        let mut samples = Vec::new();
        for cue in script.cues() {
            match cue {
                Cue::Pause(ms) => silence(&mut samples, *ms),
                Cue::Say(words, rate) => {
                    let speed = (speed * rate).clamp(*SPEEDS.start(), *SPEEDS.end());
                    let pieces = self.pieces(words, script.language())?;
                    samples.extend(self.say(&pieces, voice, speed, spoken)?);
                }
            }
        }
        Ok(Speech { samples, sample_rate: SAMPLE_RATE })
    }

    fn say(&self, pieces: &[Vec<u32>], voice: &str, speed: f32, spoken: &mut dyn FnMut()) -> Result<Vec<f32>, Error> {
        let mut samples = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            if index > 0 {
                silence(&mut samples, PAUSE_MS);
            }
            let style = self.voices.style(voice, piece.len())?;
            let said = self.model.speak(piece, &style, speed);
            samples.extend(said.expect("pieces keep to the model's limits; this is a bug"));
            spoken();
        }
        Ok(samples)
    }

    /// The ids of a text, in pieces that fit the model.
    pub fn pieces(&self, text: &str, language: Language) -> Result<Vec<Vec<u32>>, Error> {
        // Sentences stay together while they fit: the model speaks short pieces less clearly, and phrases across the stop.
        let whole = text::phonemes(text, language)?;
        let pieces = pieces::pieces(&whole, MAX_IDS).into_iter();
        let ids: Vec<Vec<u32>> = pieces.map(|piece| self.ids(piece)).filter(|ids| !ids.is_empty()).collect();
        if ids.is_empty() {
            return Err(text::Error::NothingToSay { sample: text.chars().take(20).collect() }.into());
        }
        Ok(ids)
    }

    fn ids(&self, symbols: &str) -> Vec<u32> {
        let id = |symbol: char| {
            let id = self.vocab.id(symbol);
            if id.is_none() {
                tracing::warn!(%symbol, "a symbol that the voice model doesn't know is left out");
            }
            id
        };
        symbols.chars().filter_map(id).collect()
    }
}

fn silence(samples: &mut Vec<f32>, ms: u32) {
    samples.resize(samples.len() + (ms * SAMPLE_RATE / 1000) as usize, 0.0);
}

/// The names of the voices in a voices file, in order, without loading the model.
pub fn voices(path: &Path) -> Result<Vec<String>, Error> {
    Ok(Voices::open(path)?.names().map(str::to_owned).collect())
}

/// Refuses a speed outside [`SPEEDS`].
pub fn check_speed(speed: f32) -> Result<(), Error> {
    if SPEEDS.contains(&speed) { Ok(()) } else { Err(Error::Speed { speed }) }
}

/// Reads the model and its digest side by side: a flipped bit in a weight cannot be seen in any other way.
fn open_model(path: &Path) -> Result<Model, Error> {
    let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
    if bytes.len() != MODEL_BYTES {
        let what = if bytes.len() < MODEL_BYTES { "it is cut short or another file" } else { "it is another file" };
        return Err(Error::damaged(path, format!("{what}: {} bytes instead of {MODEL_BYTES}", bytes.len())));
    }
    let (model, digest) = rayon::join(|| parse_model(path, &bytes), || hex(&Sha256::digest(&bytes)));
    if digest != MODEL_SHA256 {
        return Err(Error::damaged(path, format!("its SHA-256 is {digest} instead of {MODEL_SHA256}")));
    }
    model
}

fn parse_model(path: &Path, bytes: &[u8]) -> Result<Model, Error> {
    let graph = Graph::parse(bytes).map_err(|error| Error::damaged(path, format!("not an ONNX file: {error}")))?;
    Model::load(graph).map_err(|error| Error::damaged(path, error.to_string()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail; this is a bug");
        text
    })
}
