//! The way to whoever asked.

use async_trait::async_trait;
use viva_core::{Outcome, TaskMessage};

/// Delivers outcomes to whoever asked.
#[async_trait]
pub trait Reply: Send + Sync {
    /// Delivers the outcome of a task. The task's message is settled only after this succeeded, so the same outcome may come
    /// twice.
    async fn deliver(&self, task: &TaskMessage, outcome: &Outcome) -> Result<(), crate::queue::Error>;
}
