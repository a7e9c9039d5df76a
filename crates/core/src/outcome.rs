//! How a task ended, as whoever asked is told.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ErrorClass;
use crate::state::State;

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The task's return value.
    Success(Value),
    /// It failed for good.
    Failure {
        /// The class of the last error.
        class: ErrorClass,
        /// The last error with its causes.
        message: String,
        /// Whether the message was set aside for people to look at.
        dead: bool,
    },
}

impl Outcome {
    /// The job's final state.
    pub fn state(&self) -> State {
        match self {
            Self::Success(_) => State::Succeeded,
            Self::Failure { class: ErrorClass::Cancelled, .. } => State::Cancelled,
            Self::Failure { dead: true, .. } => State::Dead,
            Self::Failure { .. } => State::Failed,
        }
    }

    /// The return value, or the message of the failure.
    pub fn into_result(self) -> Result<Value, String> {
        match self {
            Self::Success(value) => Ok(value),
            Self::Failure { message, .. } => Err(message),
        }
    }
}
