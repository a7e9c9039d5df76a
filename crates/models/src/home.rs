//! The folder that models live in: `HOME/<model>/<file>`, with `record.toml` beside the files.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::record::{Entry, Record, mtime_ns};
use crate::{Catalogue, Error, File, Files, Model, digest};

/// A folder of models, and the catalogue of what belongs in it.
#[derive(Debug, Clone)]
pub struct Home {
    dir: PathBuf,
    catalogue: Catalogue,
}

/// One file that [`Home::verify`] looked at.
#[derive(Debug)]
pub struct Checked {
    /// Where it is.
    pub path: PathBuf,
    /// Its SHA-256, or what is wrong with it.
    pub outcome: Result<String, Error>,
}

impl Home {
    /// The models in `dir`, after the built-in catalogue. The folder need not exist yet.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self::with_catalogue(dir, Catalogue::builtin())
    }

    /// The models in `dir`, after another catalogue.
    pub fn with_catalogue(dir: impl Into<PathBuf>, catalogue: Catalogue) -> Self {
        Self { dir: dir.into(), catalogue }
    }

    /// `VIVA_MODELS`, or the user's data folder: `$XDG_DATA_HOME/viva/models`, else `~/.local/share/viva/models`.
    pub fn from_env() -> Result<Self, Error> {
        let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let data = || set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")));
        let dir = set("VIVA_MODELS").or_else(|| data().map(|data| data.join("viva/models")));
        dir.map(Self::new).ok_or(Error::NoHome)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The files of a model that is in place and whole. A file that has not changed since it was last checked is not read.
    pub fn path(&self, name: &str) -> Result<Files, Error> {
        let model = self.catalogue.get(name)?;
        let dir = self.folder(model);
        let mut record = Record::load(&dir);
        let before = record.files.clone();
        for file in &model.files {
            let entry = inspect(model, file, &dir, &record, Depth::IfChanged)?;
            record.files.insert(file.name.clone(), entry);
        }
        if record.files != before {
            // A read-only folder is no reason to refuse a sound model: it is read again next time.
            record.store(&model.name, &dir).unwrap_or_else(|error| tracing::debug!(%error, "model record not written"));
        }
        Ok(Files::of(model, &dir))
    }

    /// Reads every file of a model and holds it against its digest.
    pub fn verify(&self, name: &str) -> Result<Vec<Checked>, Error> {
        let model = self.catalogue.get(name)?;
        let dir = self.folder(model);
        let record = Record::load(&dir);
        let check = |file: &File| {
            let outcome = inspect(model, file, &dir, &record, Depth::Always).map(|entry| entry.sha256);
            Checked { path: dir.join(&file.name), outcome }
        };
        Ok(model.files.iter().map(check).collect())
    }

    /// The model's folder.
    pub(crate) fn folder(&self, model: &Model) -> PathBuf {
        self.dir.join(&model.name)
    }
}

/// When to read a file to take its digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Unless length and modification time are as recorded.
    IfChanged,
    /// Whatever the record says.
    Always,
}

/// Looks at one file in place: its record if it is sound, what is wrong if it is not.
pub(crate) fn inspect(model: &Model, file: &File, dir: &Path, record: &Record, depth: Depth) -> Result<Entry, Error> {
    let path = dir.join(&file.name);
    let name = || model.name.clone();
    let meta = fs::metadata(&path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => Error::Absent { model: name(), path: path.clone() },
        _ => Error::io(&model.name, "read", &path, e),
    })?;
    let known = record.files.get(&file.name);
    let size = file.size.or(known.map(|entry| entry.size));
    let sha256 = file.sha256.as_deref().or(known.map(|entry| entry.sha256.as_str()));
    let (Some(expected), Some(sha256)) = (size, sha256) else {
        return Err(Error::Unrecorded { model: name(), path });
    };
    if meta.len() != expected {
        return Err(Error::WrongSize { model: name(), path, size: meta.len(), expected });
    }
    let entry =
        Entry { size: expected, sha256: sha256.to_owned(), mtime_ns: mtime_ns(&meta), from: known.and_then(|entry| entry.from.clone()) };
    if depth == Depth::IfChanged && known == Some(&entry) {
        return Ok(entry);
    }
    let found = digest::of_file(&path).map_err(|e| Error::io(&model.name, "read", &path, e))?;
    if found != sha256 {
        return Err(Error::WrongDigest { model: name(), path, found, expected: sha256.to_owned() });
    }
    Ok(entry)
}
