//! What can go wrong, said so that the reader knows what to do next.

use std::path::{Path, PathBuf};

/// Why a model cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalogue contradicts itself or does not parse.
    #[error("the model manifest is wrong: {0}")]
    Manifest(String),

    /// Nothing in the catalogue has this name.
    #[error("no model is called {name:?}; known: {known}")]
    UnknownModel {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },

    /// The model has no file of this role.
    #[error("{model} has no {role:?} file")]
    NoSuchFile {
        /// Name or folder of the model.
        model: String,
        /// The role asked for.
        role: String,
    },

    /// Neither `VIVA_MODELS` nor a home folder says where models go.
    #[error("nothing says where models are kept: set VIVA_MODELS to a folder (HOME is not set)")]
    NoHome,

    /// A file of the model is not there.
    #[error("{model} is not here: {} does not exist; run `viva models pull {model}`", path.display())]
    Absent {
        /// The model.
        model: String,
        /// The file that is missing.
        path: PathBuf,
    },

    /// A file has the wrong length: most often a copy or a download that was cut off.
    #[error("{} is broken: it has {size} bytes and should have {expected}; run `viva models pull {model}` to fetch it again", path.display())]
    WrongSize {
        /// The model.
        model: String,
        /// The broken file.
        path: PathBuf,
        /// Bytes found.
        size: u64,
        /// Bytes expected.
        expected: u64,
    },

    /// A file has the right length and the wrong bytes.
    #[error("{} is broken: its SHA-256 is {found} and should be {expected}; run `viva models pull {model}` to fetch it again", path.display())]
    WrongDigest {
        /// The model.
        model: String,
        /// The broken file.
        path: PathBuf,
        /// SHA-256 found.
        found: String,
        /// SHA-256 expected.
        expected: String,
    },

    /// Neither the manifest nor a record says what the file should be.
    #[error("{} cannot be trusted: no record.toml beside it says which digest it should have; run `viva models pull {model}`, or copy the whole folder", path.display())]
    Unrecorded {
        /// The model.
        model: String,
        /// The file in question.
        path: PathBuf,
    },

    /// A source gave something else than the manifest says.
    #[error("{file} did not arrive whole: {reason}")]
    Delivered {
        /// The file asked for.
        file: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A licence that must be accepted has not been.
    #[error(
        "{model} comes under {licence} ({url}), which rules out commercial use: read it, then accept it once with `viva models pull {model} --accept-licence {licence}`"
    )]
    NotAccepted {
        /// The model.
        model: String,
        /// Name of the licence.
        licence: String,
        /// Where it stands.
        url: String,
    },

    /// The disk has no room for the model.
    #[error("the disk is full: no room for {model} in {}; free some, or set VIVA_MODELS to a folder on another disk", path.display())]
    DiskFull {
        /// The model.
        model: String,
        /// What was being written.
        path: PathBuf,
    },

    /// A file or folder could not be read or written.
    #[error("could not {doing} {}: {source}", path.display())]
    Io {
        /// What was tried: `write`, `read`, `lock`...
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// The pip client is not installed.
    #[error("Python packages need Python 3 with pip, and {0}; on Debian: `apt-get install python3-pip`")]
    NoPip(String),

    /// The pip client did not get a package.
    #[error("pip did not get {package}: {reason}")]
    Pip {
        /// `name==version`.
        package: String,
        /// pip's own words, shortened.
        reason: String,
    },

    /// A wheel does not hold what the manifest says.
    #[error("{package}: {reason}")]
    Wheel {
        /// `name==version`.
        package: String,
        /// What is wrong with it.
        reason: String,
    },

    /// The hub did not give the file.
    #[error("the hub at {endpoint} did not give {what}: {reason}")]
    Hub {
        /// Address of the hub.
        endpoint: String,
        /// Repository and file.
        what: String,
        /// The hub's or the network's words, with their causes.
        reason: String,
    },

    /// No source of the model worked.
    #[error("{model} could not be fetched{}{advice}", list(attempts))]
    NoSource {
        /// The model.
        model: String,
        /// What was tried, in order, and how each ended.
        attempts: Vec<Attempt>,
        /// What to do about it.
        advice: String,
    },
}

/// One source that did not work.
#[derive(Debug)]
pub struct Attempt {
    /// The source, as people read it.
    pub source: String,
    /// How it failed.
    pub error: Error,
}

impl Error {
    /// True where another source could not help: the fault is on this machine or with the user.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::DiskFull { .. } | Self::Io { .. } | Self::NotAccepted { .. } | Self::Manifest(_))
    }

    /// Wraps an I/O error met while `doing` something to `path` for `model`; a full disk gets its own words.
    pub(crate) fn io(model: &str, doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        let full = matches!(source.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded);
        if full {
            Self::DiskFull { model: model.to_owned(), path: path.to_owned() }
        } else {
            Self::Io { doing, path: path.to_owned(), source }
        }
    }
}

fn list(attempts: &[Attempt]) -> String {
    let lines: Vec<_> = attempts.iter().enumerate().map(|(i, a)| format!("\n  {}. {}\n     {}", i + 1, a.source, a.error)).collect();
    lines.concat()
}
