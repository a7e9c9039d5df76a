//! The model's alphabet: phonemes to ids.

use std::collections::HashMap;
use std::path::Path;

use super::albert::SYMBOLS;
use crate::Error;

#[derive(Debug)]
pub(crate) struct Vocab(HashMap<char, u32>);

#[derive(serde::Deserialize)]
struct File {
    vocab: HashMap<char, u32>,
}

impl Vocab {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::read(path, source))?;
        let File { vocab } = serde_json::from_slice(&bytes).map_err(|error| Error::damaged(path, error.to_string()))?;
        if let Some((symbol, id)) = vocab.iter().find(|(_, id)| **id as usize >= SYMBOLS) {
            return Err(Error::damaged(path, format!("{symbol:?} has the id {id}, the model knows {SYMBOLS}")));
        }
        Ok(Self(vocab))
    }

    /// The id of a symbol the model knows.
    pub(crate) fn id(&self, symbol: char) -> Option<u32> {
        self.0.get(&symbol).copied()
    }
}
