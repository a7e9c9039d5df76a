//! Voices: a style vector for every length of input, and blends of them.
//!
//! Owns the voices file (a NumPy archive of `[510, 1, 256]` f32 arrays) and what a voice's name may look like:
//! `jf_alpha`, or a weighted mean `jf_alpha:0.7,jm_kumo:0.3`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

use zip::ZipArchive;

use super::adain::STYLE;
use crate::Error;

const ROWS: usize = 510;
const TABLE_BYTES: u64 = (ROWS * 2 * STYLE * 4) as u64;

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
        let file = File::open(path).map_err(|source| Error::read(path, source))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|error| damaged(error.to_string()))?;
        let mut tables = BTreeMap::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(|error| damaged(error.to_string()))?;
            let name = entry.name().map_err(|error| damaged(error.to_string()))?.trim_end_matches(".npy").to_owned();
            let mut bytes = Vec::new();
            // A damaged size must not ask for more memory than a table can need.
            let read = (&mut entry).take(2 * TABLE_BYTES).read_to_end(&mut bytes);
            read.map_err(|error| damaged(format!("voice {name}: {error}")))?;
            let values = table(&bytes).ok_or_else(|| damaged(format!("voice {name} is not an f32 array of {ROWS} x 1 x 256")))?;
            tables.insert(name, values);
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

/// The numbers of a NumPy file (NEP 1: magic, version, length of the header, a Python dict, the data), if they are a table.
fn table(bytes: &[u8]) -> Option<Vec<f32>> {
    let (version, rest) = bytes.strip_prefix(b"\x93NUMPY")?.split_at_checked(2)?;
    let (length, rest) = match version {
        [1, _] => rest.split_first_chunk().map(|(length, rest)| (u32::from(u16::from_le_bytes(*length)), rest))?,
        _ => rest.split_first_chunk().map(|(length, rest)| (u32::from_le_bytes(*length), rest))?,
    };
    let (header, data) = rest.split_at_checked(length as usize)?;
    let header: String = std::str::from_utf8(header).ok()?.split_whitespace().collect();
    let expected = ["'descr':'<f4'", "'fortran_order':False", &format!("'shape':({ROWS},1,{})", 2 * STYLE)];
    if !expected.iter().all(|part| header.contains(part)) || data.len() as u64 != TABLE_BYTES {
        return None;
    }
    Some(data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}
