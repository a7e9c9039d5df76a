//! The class of an error decides what happens to a delivery; its text is for people.

use std::error::Error;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What the runtime may do about an error. Nothing else about it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The world was not ready: a full disk, too little memory. Trying again later can succeed.
    Transient,
    /// What everybody shares is away: the database, the broker. It says nothing about the task, so the attempt does not count, and
    /// the task is tried until it is back.
    Unavailable,
    /// The request itself cannot be met. Whoever asked is told, and nobody tries again.
    Permanent,
    /// The message breaks the worker that reads it. It is set aside with its reason.
    Poison,
    /// Somebody else owns the work by now; our output is thrown away and theirs stands.
    LostClaim,
    /// The work was stopped on purpose.
    Cancelled,
}

/// An error that knows its class.
pub trait Classified: Error {
    /// The class, and with it the treatment.
    fn class(&self) -> ErrorClass;
}

/// What a handler returns when it fails: a class and the cause, kept whole.
pub struct TaskError {
    class: ErrorClass,
    source: Box<dyn Error + Send + Sync>,
}

impl TaskError {
    /// Classifies any error, or a plain message.
    pub fn new(class: ErrorClass, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { class, source: source.into() }
    }

    /// Trying again later can succeed.
    pub fn transient(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorClass::Transient, source)
    }

    /// Trying again cannot help.
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorClass::Permanent, source)
    }

    /// The work was stopped on purpose.
    pub fn cancelled(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(ErrorClass::Cancelled, source)
    }

    /// The class, and with it the treatment.
    pub fn class(&self) -> ErrorClass {
        self.class
    }

    /// The message with every cause behind it, outermost first, joined by `": "`.
    pub fn chain(&self) -> String {
        let mut text = self.source.to_string();
        let mut cause = self.source.source();
        while let Some(error) = cause {
            let message = error.to_string();
            // `#[error(transparent)]` and `{0}` formats repeat their cause: say it once.
            if !text.ends_with(&message) {
                text.push_str(": ");
                text.push_str(&message);
            }
            cause = error.source();
        }
        text
    }
}

impl<E: Classified + Send + Sync + 'static> From<E> for TaskError {
    fn from(error: E) -> Self {
        Self { class: error.class(), source: Box::new(error) }
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.class, self.chain())
    }
}

impl Error for TaskError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.source()
    }
}
