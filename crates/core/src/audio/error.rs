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
    /// There is no such bucket on the S3 server.
    #[error("{place}: the S3 server has no such bucket; make it, or name another in AUDIO_URL, or another server in AWS_ENDPOINT_URL")]
    NoBucket {
        /// The file that was asked for.
        place: String,
        /// The server's answer.
        source: object_store::Error,
    },
    /// The S3 server refuses the credentials.
    #[error(
        "{place}: {action}: the S3 server refuses; set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION to a user that may \
         s3:GetObject and s3:PutObject there and s3:ListBucket in the bucket"
    )]
    Denied {
        /// What was tried.
        action: &'static str,
        /// The file.
        place: String,
        /// The server's answer.
        source: object_store::Error,
    },
    /// The S3 server is too old for what keeps two writers apart.
    #[error("{place}: the S3 server knows no conditional writes (If-None-Match, If-Match); use one that does, or a folder in AUDIO_URL")]
    NoConditions {
        /// The file.
        place: String,
        /// The server's answer.
        source: object_store::Error,
    },
    /// The S3 server did not answer, or could not do it.
    #[error(
        "{place}: {action}: no use of the S3 server; see that it runs, and that AWS_ENDPOINT_URL (AWS itself where unset) is its address"
    )]
    Unanswered {
        /// What was tried.
        action: &'static str,
        /// The file.
        place: String,
        /// What came instead of an answer.
        source: object_store::Error,
    },
    /// The AWS_ variables contradict each other, or lack something.
    #[error("the AWS_ environment variables make no S3 client; correct the one that is named")]
    Settings(#[source] object_store::Error),
    /// Others kept replacing the file.
    #[error("{0}: cannot write: it was replaced each time before we could; find out who keeps writing it")]
    Contended(String),
    /// The process stops.
    #[error("the process stops before the file was read or written")]
    Stopped,
    /// The clip is not there, or damaged.
    #[error("no sound clip {0} is stored; it has to be computed again")]
    Missing(Digest),
    /// Not a plain file name.
    #[error("{0:?} is no name for an audio file: use letters, digits, '_', '-' and '.', no '.' in front, and not \"clips\"")]
    BadName(String),
    /// Neither a folder nor a bucket.
    #[error("AUDIO_URL={0:?} names no place for audio; write file:///absolute/path or s3://bucket/prefix")]
    BadAddress(String),
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Full { .. }
            | Self::ReadOnly { .. }
            | Self::Io { .. }
            | Self::Unanswered { .. }
            | Self::Contended(_)
            | Self::Missing(_) => ErrorClass::Transient,
            Self::NoBucket { .. }
            | Self::Denied { .. }
            | Self::NoConditions { .. }
            | Self::Settings(_)
            | Self::BadName(_)
            | Self::BadAddress(_) => ErrorClass::Permanent,
            Self::Stopped => ErrorClass::Cancelled,
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
