//! Voices: a style vector for every length of input, and blends of them.
//!
//! Owns the voices file (a NumPy archive of `[510, 1, 256]` f32 arrays) and what a voice's name may look like:
//! `jf_alpha`, or a weighted mean `jf_alpha:0.7,jm_kumo:0.3`.

use std::collections::BTreeMap;
use std::path::Path;

use super::adain::STYLE;
use crate::Error;

const ROWS: usize = 510;

/// The voices of one file.
#[derive(Debug)]
pub(crate) struct Voices {
    tables: BTreeMap<String, Vec<f32>>,
}

/// How to speak: a timbre for the decoder and a manner for the predictor, 128 numbers each.
#[derive(Debug, Clone, PartialEq)]
pub struct Style(Vec<f32>);

impl Style {
    /// Takes 256 numbers, the timbre first; `None` for any other length.
    pub fn new(values: Vec<f32>) -> Option<Self> {
        (values.len() == 2 * STYLE).then_some(Self(values))
    }

    pub(crate) fn timbre(&self) -> &[f32] {
        &self.0[..STYLE]
    }

    pub(crate) fn prosody(&self) -> &[f32] {
        &self.0[STYLE..]
    }
}

impl Voices {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if !path.is_file() {
            return Err(Error::missing(path));
        }
        let damaged = |reason: String| Error::damaged(path, reason);
        let archive = candle_core::npy::NpzTensors::new(path).map_err(|error| damaged(error.to_string()))?;
        let mut tables = BTreeMap::new();
        for name in archive.names() {
            let tensor = archive.get(name).map_err(|error| damaged(format!("voice {name}: {error}")))?;
            let tensor = tensor.filter(|tensor| tensor.dims() == [ROWS, 1, 2 * STYLE]);
            let values = tensor.and_then(|tensor| tensor.flatten_all().ok()?.to_vec1::<f32>().ok());
            let values = values.ok_or_else(|| damaged(format!("voice {name} is not an f32 array of {ROWS} x 1 x 256")))?;
            tables.insert(name.clone(), values);
        }
        if tables.is_empty() {
            return Err(damaged("it holds no voice".to_owned()));
        }
        Ok(Self { tables })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The style of a voice, or of a blend, for an input of `ids` symbols.
    pub(crate) fn style(&self, voice: &str, ids: usize) -> Result<Style, Error> {
        let row = ids.min(ROWS - 1) * 2 * STYLE;
        let (mut sum, mut total) = (vec![0.0; 2 * STYLE], 0.0);
        for part in voice.split(',') {
            let (name, weight) = part.split_once(':').unwrap_or((part, "1"));
            let table = self.tables.get(name.trim()).ok_or_else(|| self.unknown(name.trim()))?;
            let weight = weight.trim().parse::<f32>().ok().filter(|weight| weight.is_finite() && *weight > 0.0);
            let weight = weight.ok_or_else(|| Error::BlendWeight { part: part.trim().to_owned() })?;
            total += weight;
            for (sum, value) in sum.iter_mut().zip(&table[row..]) {
                *sum += weight * value;
            }
        }
        for value in &mut sum {
            *value /= total;
        }
        Ok(Style(sum))
    }

    fn unknown(&self, name: &str) -> Error {
        let known = self.names().collect::<Vec<_>>().join(", ");
        Error::UnknownVoice { name: name.to_owned(), known }
    }
}
