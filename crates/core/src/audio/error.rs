use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::Digest;
use crate::error::{Classified, ErrorClass};

/// What can go wrong with an audio file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No room: a full disk, a quota, a limit on file sizes.
    #[error("{}: {action}: no room is left; free some space there, or set AUDIO_URL to a larger volume", path.display())]
    Full {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The folder cannot be written by this process.
    #[error("{}: {action}: the folder is read-only for this process; make it writable, or set AUDIO_URL to one that is", path.display())]
    ReadOnly {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// Anything else that the operating system reports.
    #[error("{}: {action}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// The clip is not there, or damaged.
    #[error("no sound clip {0} is stored; it has to be computed again")]
    Missing(Digest),
    /// Not a plain file name.
    #[error("{0:?} is no name for an audio file: use letters, digits, '_', '-' and '.', and no '.' in front")]
    BadName(String),
    /// Not an address of a folder.
    #[error("AUDIO_URL={0:?} names no folder; write file:///absolute/path")]
    BadAddress(String),
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Full { .. } | Self::ReadOnly { .. } | Self::Io { .. } | Self::Missing(_) => ErrorClass::Transient,
            Self::BadName(_) | Self::BadAddress(_) => ErrorClass::Permanent,
        }
    }
}

/// Puts the place and the attempt to an error of the operating system.
pub(super) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> At<T> for io::Result<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Error::Full { action, path, source },
                ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Error::ReadOnly { action, path, source },
                _ => Error::Io { action, path, source },
            }
        })
    }
}
