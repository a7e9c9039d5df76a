//! Where the files of a model that is in place are.

use std::path::{Path, PathBuf};

use crate::{Error, Model};

/// The files of one model, all present and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    dir: PathBuf,
    /// (role, path), in the manifest's order: the weights come first.
    files: Vec<(String, PathBuf)>,
}

impl Files {
    pub(crate) fn of(model: &Model, dir: &Path) -> Self {
        let files = model.files.iter().map(|f| (f.role.clone(), dir.join(&f.name))).collect();
        Self { dir: dir.to_owned(), files }
    }

    /// The model's folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The weights: the file that people mean by "the model".
    pub fn model(&self) -> &Path {
        &self.files[0].1
    }

    /// The file with this role (`voices`, `vocab`).
    pub fn file(&self, role: &str) -> Result<&Path, Error> {
        let found = self.files.iter().find(|(r, _)| r == role).map(|(_, path)| path.as_path());
        found.ok_or_else(|| Error::NoSuchFile { model: self.dir.display().to_string(), role: role.to_owned() })
    }

    /// All paths, the weights first.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, path)| path.as_path())
    }
}
