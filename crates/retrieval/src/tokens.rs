//! Texts to token ids, with what the model wants around them.

use std::path::Path;

use tokenizers::{PostProcessor as _, Tokenizer, TruncationDirection};

use crate::Error;
use crate::config::read;

/// A tokenizer without the length and padding that its file may ask for: both are the batch's business.
#[derive(Debug)]
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    /// Tokens that every text gets: `[CLS]` and `[SEP]`, `<s>` and `</s>`.
    special: usize,
}

impl Tokens {
    pub(crate) fn read(folder: &Path) -> Result<(Self, Vec<u8>), Error> {
        let path = folder.join("tokenizer.json");
        let bytes = read(&path)?;
        let mut tokenizer = Tokenizer::from_bytes(&bytes).map_err(|error| Error::damaged(&path, error))?;
        tokenizer.with_truncation(None).map_err(|error| Error::damaged(&path, error))?;
        tokenizer.with_padding(None);
        let special = tokenizer.get_post_processor().map_or(0, |processor| processor.added_tokens(false));
        Ok((Self { tokenizer, special }, bytes))
    }

    /// Tokens that every text gets.
    pub(crate) fn special(&self) -> usize {
        self.special
    }

    /// How many tokens a text has, without the special ones.
    pub(crate) fn count(&self, text: &str) -> Result<usize, Error> {
        Ok(self.tokenizer.encode(text, false).map_err(refused)?.len())
    }

    /// The ids of a text, special ones around it, cut behind `limit` of them in all.
    pub(crate) fn ids(&self, text: &str, limit: usize) -> Result<Vec<u32>, Error> {
        let mut encoding = self.tokenizer.encode(text, false).map_err(refused)?;
        encoding.truncate(limit.saturating_sub(self.special).max(1), 0, TruncationDirection::Right);
        let whole = self.tokenizer.post_process(encoding, None, true).map_err(refused)?;
        Ok(whole.get_ids().to_vec())
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn refused(error: tokenizers::Error) -> Error {
    Error::Tokenizer(error.to_string())
}
