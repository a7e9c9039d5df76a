//! `record.toml` beside a model's files: what was fetched, and when each file was last found sound.
//!
//! For a file whose digest the manifest does not know, the record is the authority: the hub's digest, written at download.
//! For every file it saves work: a file whose length and modification time are as recorded is not read again at start-up.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::Error;

const NAME: &str = "record.toml";

/// The record of one model.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(default)]
    pub(crate) files: BTreeMap<String, Entry>,
}

/// What is recorded of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// Modification time of the file when its digest was last taken, in nanoseconds since 1970.
    pub(crate) mtime_ns: u64,
    /// Where the file came from, for people.
    pub(crate) from: Option<String>,
}

impl Record {
    /// The record in `dir`; empty where there is none or it is unreadable: then the files are read again.
    pub(crate) fn load(dir: &Path) -> Self {
        let text = fs::read_to_string(dir.join(NAME)).unwrap_or_default();
        toml::from_str(&text).unwrap_or_default()
    }

    /// Writes the record, atomically.
    pub(crate) fn store(&self, model: &str, dir: &Path) -> Result<(), Error> {
        let text = toml::to_string(self).map_err(|e| Error::Manifest(e.to_string()))?;
        let (path, temporary) = (dir.join(NAME), dir.join(format!(".{NAME}.{}", std::process::id())));
        fs::write(&temporary, text).map_err(|e| Error::io(model, "write", &temporary, e))?;
        fs::rename(&temporary, &path).map_err(|e| Error::io(model, "write", &path, e))
    }
}

/// Modification time in nanoseconds since 1970; 0 where the file system has none.
pub(crate) fn mtime_ns(meta: &fs::Metadata) -> u64 {
    let since = meta.modified().ok().and_then(|t| t.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|d| u64::try_from(d.as_nanos()).ok()).unwrap_or(0)
}
