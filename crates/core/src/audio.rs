//! Audio files: a folder of clips named by digest, and the names the platform knows them by.
//!
//! Promises that nobody ever sees half a file: every byte goes to a temporary file that is synced and then renamed into
//! place, and a clip counts only if what is read has the digest that it is asked for by. An alias such as `q_12.wav` is a
//! file of its own: a platform that still overwrites such files in place must not reach the stored clip through it.
//! Calls block; async code wraps them in `spawn_blocking`. Does not delete, and does not know what a question is.

mod atomic;
mod error;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use atomic::write_whole;
pub use error::Error;

use crate::Digest;
use error::At as _;

/// A folder of WAV clips on this machine or on a volume (`AUDIO_URL=file:///...`).
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Opens the folder that a `file://` address names, and makes it where it is missing.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        match url.strip_prefix("file://") {
            Some(path) if path.starts_with('/') => Self::at(path),
            _ => Err(Error::BadAddress(url.to_owned())),
        }
    }

    /// Opens the folder at `root`, and makes it where it is missing.
    pub fn at(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        let clips = root.join("clips");
        std::fs::create_dir_all(&clips).at("cannot make the folder", &clips)?;
        Ok(Self { root })
    }

    /// Stores `bytes` under their digest. Storing what is there already, and sound, writes nothing.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        if self.open(&digest)?.is_none() {
            write_whole(&self.clip_path(&digest), bytes)?;
        }
        Ok(digest)
    }

    /// Reads a clip. None when the file is missing or is not what its name says: it has to be computed again.
    pub fn open(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let path = self.clip_path(digest);
        match read(&path)? {
            Some(bytes) if Digest::of(&bytes) == *digest => Ok(Some(bytes)),
            Some(bytes) => {
                tracing::warn!(file.path = %path.display(), file.bytes = bytes.len(), "a stored clip is damaged and will be computed again");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// Makes `name` the clip's public file, in one step for whoever reads it, and returns its path.
    ///
    /// A file that holds the clip already is left alone, so that its date and whatever is cached by it stay.
    pub fn alias(&self, name: &str, digest: &Digest) -> Result<PathBuf, Error> {
        let path = self.alias_path(name)?;
        let bytes = self.open(digest)?.ok_or_else(|| Error::Missing(digest.clone()))?;
        if read(&path)?.as_ref() != Some(&bytes) {
            write_whole(&path, &bytes)?;
        }
        Ok(path)
    }

    /// Where the file of that name is, or would be.
    pub fn alias_path(&self, name: &str) -> Result<PathBuf, Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(Error::BadName(name.to_owned()));
        }
        Ok(self.root.join(name))
    }

    /// Where the clip of that digest is, or would be.
    pub fn clip_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("clips").join(format!("{digest}.wav"))
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).at("cannot read", path),
    }
}
