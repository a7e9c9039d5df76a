//! A voice's `.onnx.json`: rates, the manner it was published with, and its alphabet.

use std::collections::HashMap;
use std::path::Path;

use crate::Error;

#[derive(Debug, serde::Deserialize)]
pub(super) struct Config {
    pub(super) audio: Audio,
    #[serde(default)]
    pub(super) inference: Inference,
    phoneme_id_map: HashMap<String, Vec<u32>>,
    #[serde(default)]
    num_speakers: u32,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Audio {
    pub(super) sample_rate: u32,
}

/// What Piper assumes where a voice says nothing.
#[derive(Debug, serde::Deserialize)]
#[serde(default)]
pub(super) struct Inference {
    pub(super) noise_scale: f32,
    pub(super) length_scale: f32,
    pub(super) noise_w: f32,
}

impl Default for Inference {
    fn default() -> Self {
        Self { noise_scale: 0.667, length_scale: 1.0, noise_w: 0.8 }
    }
}

const BEGIN: &str = "^";
const PAD: &str = "_";
const END: &str = "$";

impl Config {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
        Self::parse(&bytes).map_err(|reason| Error::damaged(path, reason))
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let config: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if config.num_speakers > 1 {
            return Err(format!("the voice has {} speakers; only voices with one are supported so far", config.num_speakers));
        }
        if !(1_000..=192_000).contains(&config.audio.sample_rate) {
            return Err(format!("a sample rate of {} Hz", config.audio.sample_rate));
        }
        let all_known = [BEGIN, PAD, END].iter().all(|mark| config.phoneme_id_map.contains_key(*mark));
        if !all_known {
            return Err("its alphabet has no mark for the beginning, the end or the space between".to_owned());
        }
        Ok(config)
    }

    /// Begin, pad, then every symbol with a pad behind it, end: what Piper's models were trained on.
    pub(super) fn ids(&self, phonemes: &str) -> Vec<u32> {
        let of = |symbol: &str| self.phoneme_id_map.get(symbol).map_or(&[][..], Vec::as_slice);
        let mut ids = [of(BEGIN), of(PAD)].concat();
        let mut buffer = [0; 4];
        for symbol in phonemes.chars() {
            let known = of(symbol.encode_utf8(&mut buffer));
            if known.is_empty() {
                tracing::warn!(%symbol, "a symbol that the voice doesn't know is left out");
                continue;
            }
            ids.extend(known);
            ids.extend(of(PAD));
        }
        ids.extend(of(END));
        ids
    }
}
