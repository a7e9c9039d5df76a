//! Why a message is no task of ours.

use super::KNOWN;
use crate::error::{Classified, ErrorClass};

/// Why a message is no task of ours. Asking again with the same message cannot help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No task of that name.
    #[error("no task is called {task:?}; viva knows {}", KNOWN.join(", "))]
    UnknownTask {
        /// The name in the message.
        task: String,
    },
    /// A required argument was not given.
    #[error("{task}: the argument {name:?} is missing")]
    Missing {
        /// The task's name.
        task: &'static str,
        /// The argument's name.
        name: &'static str,
    },
    /// More positional arguments than the task has.
    #[error("{task}: takes at most {max} positional arguments, {given} were given")]
    TooMany {
        /// The task's name.
        task: &'static str,
        /// How many it takes.
        max: usize,
        /// How many there were.
        given: usize,
    },
    /// A keyword that the task does not have.
    #[error("{task}: there is no argument {name:?}; it takes {}", known.join(", "))]
    Unexpected {
        /// The task's name.
        task: &'static str,
        /// The keyword in the message.
        name: String,
        /// The keywords it takes.
        known: &'static [&'static str],
    },
    /// One argument given twice, by position and by keyword.
    #[error("{task}: the argument {name:?} was given twice, by position and by keyword")]
    Twice {
        /// The task's name.
        task: &'static str,
        /// The argument's name.
        name: &'static str,
    },
    /// A value of the wrong type.
    #[error("{task}: the argument {name:?} must be {expected}, not {found}")]
    WrongType {
        /// The task's name.
        task: &'static str,
        /// The argument's name.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it was; a long value is cut.
        found: String,
    },
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        ErrorClass::Permanent
    }
}
