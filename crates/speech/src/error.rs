//! What can go wrong between a text and the bytes of a file.

use std::io;
use std::path::{Path, PathBuf};

use crate::audio::Format;
use crate::text;

/// An error of the speech engine. Every message says what was wrong, where, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A model file cannot be read.
    #[error("cannot read {}: {source}; run `viva models pull kokoro`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A model file holds something else than it should.
    #[error("{} cannot be used: {reason}; check it with `viva models verify kokoro`, which fetches a damaged file again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No such voice.
    #[error("there is no voice {name:?}; choose one of {known}, or a blend such as jf_alpha:0.7,jm_kumo:0.3")]
    UnknownVoice {
        /// The name as given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// A blend with a share that is not a positive number.
    #[error("the blend {part:?} has no positive weight; write NAME:WEIGHT, as in jf_alpha:0.7,jm_kumo:0.3")]
    BlendWeight {
        /// The part of the voice's name.
        part: String,
    },
    /// A speed out of range.
    #[error("the speed {speed} is out of range; choose from 0.5 (half as fast) to 2.0 (twice as fast)")]
    Speed {
        /// The speed as given.
        speed: f32,
    },
    /// No phoneme of an utterance is known to the voice.
    #[error("the voice knows none of the phonemes {sample:?}; write them in the alphabet of its configuration")]
    Phonemes {
        /// Their beginning.
        sample: String,
    },
    /// The text cannot be spoken.
    #[error(transparent)]
    Text(#[from] text::Error),
    /// Not a format that can be written.
    #[error("{name:?} cannot be written; choose one of wav, wav24, pcm, flac, opus (browsers play wav, flac and opus)")]
    Format {
        /// The format as asked for.
        name: String,
    },
    /// A rate that the format doesn't have.
    #[error("{format} cannot be written at {sample_rate} Hz; choose {}", rates(*format))]
    SampleRate {
        /// The format.
        format: Format,
        /// The rate as asked for.
        sample_rate: u32,
    },
    /// Samples could not be encoded.
    #[error("cannot encode as {format}: {reason}")]
    Encode {
        /// What they were to become.
        format: &'static str,
        /// Why not.
        reason: String,
    },
    /// A file could not be written; nothing of it is left.
    #[error("cannot write {}: {}", path.display(), explain(source))]
    Write {
        /// The file as asked for.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn read(path: &Path, source: io::Error) -> Self {
        Self::Read { path: path.to_owned(), source }
    }

    pub(crate) fn missing(path: &Path) -> Self {
        Self::read(path, io::Error::from(io::ErrorKind::NotFound))
    }

    pub(crate) fn damaged(path: &Path, reason: String) -> Self {
        Self::Damaged { path: path.to_owned(), reason }
    }

    /// True when trying the same again may work once somebody has made room, mounted a disk or fetched a file.
    pub fn is_about_the_machine(&self) -> bool {
        matches!(self, Self::Read { .. } | Self::Damaged { .. } | Self::Write { .. })
    }
}

fn rates(format: Format) -> &'static str {
    match format {
        Format::Opus => "8000, 12000, 16000, 24000 or 48000",
        _ => "from 8000 to 48000",
    }
}

fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("{error}; the disk is full: free some space or choose another folder")
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            format!("{error}; the folder cannot be written to: choose another or change its permissions")
        }
        io::ErrorKind::NotFound => format!("{error}; the folder does not exist: create it first"),
        _ => error.to_string(),
    }
}
