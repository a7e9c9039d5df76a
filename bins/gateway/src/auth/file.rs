//! The operator's tokens: a TOML file that holds their SHA-256, never themselves.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use subtle::ConstantTimeEq as _;
use viva_core::Digest;

use super::{Caller, Role};

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("{}: the file of tokens cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{}: no file of tokens: [[token]] tables with name, role (service, recruiter, candidate), sha256 and, for a candidate, interview_id", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What its reader says.
        source: Box<toml::de::Error>,
    },
    /// A candidate's token names no interview, or another's does.
    #[error("{}: the token {name}: interview_id belongs to the role candidate, and it alone", path.display())]
    Interview {
        /// The file.
        path: PathBuf,
        /// The token's name.
        name: String,
    },
}

/// Tokens by their digests.
#[derive(Debug, Clone, Default)]
pub struct Tokens(Vec<Token>);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    name: String,
    role: Role,
    sha256: Digest,
    #[serde(default)]
    interview_id: Option<i32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    token: Vec<Token>,
}

impl Tokens {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let text = std::fs::read_to_string(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?;
        let file: File = toml::from_str(&text).map_err(|source| FileError::Form { path: path.to_owned(), source: Box::new(source) })?;
        if let Some(token) = file.token.iter().find(|token| (token.role == Role::Candidate) != token.interview_id.is_some()) {
            return Err(FileError::Interview { path: path.to_owned(), name: token.name.clone() });
        }
        Ok(Self(file.token))
    }

    /// One more, known by the token itself.
    #[must_use]
    pub fn with(mut self, name: &str, role: Role, interview_id: Option<i32>, token: &str) -> Self {
        self.0.push(Token { name: name.to_owned(), role, sha256: Digest::of(token.as_bytes()), interview_id });
        self
    }

    /// Whose token it is. Compares digests, all of them and whole, so that the time it takes tells nothing.
    pub(crate) fn find(&self, token: &str) -> Option<Caller> {
        let given = Digest::of(token.as_bytes());
        let mut found = None;
        for known in &self.0 {
            if bool::from(known.sha256.as_str().as_bytes().ct_eq(given.as_str().as_bytes())) {
                found = Some(known);
            }
        }
        found.map(|token| Caller { role: token.role, interview_id: token.interview_id, subject: token.name.clone(), short_lived: false })
    }
}
