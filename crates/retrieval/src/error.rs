use std::path::{Path, PathBuf};

/// What can go wrong between a text and its vector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the model cannot be read.
    #[error("cannot read {}; fetch the model with `viva models pull`, or correct EMBEDDER", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A file of the model holds something else than it should.
    #[error("{}: {what}; fetch it again with `viva models pull`", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The files are fine, this engine just cannot run them.
    #[error("{}: {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which feature is missing, and what is supported.
        what: String,
    },
    /// The tokenizer refused a text.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
    /// A tensor operation failed.
    #[error("inference failed")]
    Inference(#[from] candle_core::Error),
    /// Stored bytes are no vector of 32-bit numbers.
    #[error("{bytes} bytes are no vector of 32-bit numbers")]
    Vector {
        /// How many there are.
        bytes: usize,
    },
}

impl Error {
    pub(crate) fn damaged(path: &Path, what: impl std::fmt::Display) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.to_string() }
    }
}
