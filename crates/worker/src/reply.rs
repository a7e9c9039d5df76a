//! How a task ended, and the way to whoever asked.

use async_trait::async_trait;
use serde_json::Value;
use viva_core::ErrorClass;
use viva_core::state::State;

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
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

/// Delivers outcomes to whoever asked.
#[async_trait]
pub trait Reply: Send + Sync {
    /// Delivers the outcome of task `task_id`. The task's message is settled only after this succeeded, so the same outcome
    /// may come twice.
    async fn deliver(&self, task_id: &str, outcome: &Outcome) -> Result<(), crate::queue::Error>;
}
