use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use viva_core::store::Session;
use viva_core::{Task, TaskError};

use crate::liveness::Step;

/// One computation and what follows from it.
#[async_trait]
pub trait Work: Send + Sync {
    /// What it makes. Small: what is large lies in files or rows that it names.
    type Output: Send + Sync;

    /// The result as it is stored.
    async fn find(&self, unit: &Session) -> Result<Option<Self::Output>, TaskError>;

    /// Whether a stored result can still be used; looks at files, outside of any unit of work.
    async fn is_sound(&self, _: &Self::Output) -> Result<bool, TaskError> {
        Ok(true)
    }

    /// Computes it. No unit of work is open meanwhile.
    async fn compute(&self, cancel: &CancellationToken) -> Result<Self::Output, TaskError>;

    /// How long it may compute without a tick until this process counts as hung.
    fn budget(&self) -> Duration {
        Duration::from_mins(15)
    }

    /// Computes it, and tells `step` whenever it moves. For work that knows; the rest has its budget.
    async fn compute_ticking(&self, cancel: &CancellationToken, _: &Step) -> Result<Self::Output, TaskError> {
        self.compute(cancel).await
    }

    /// Stores it; returns what stands.
    async fn keep(&self, unit: &Session, made: Self::Output) -> Result<Self::Output, TaskError>;

    /// What the task replaces, of which there is one: a question's file, an answer's score.
    fn target(&self, task: &Task) -> Option<String>;

    /// Changes the task's target, in the unit of work that holds it.
    async fn show(&self, unit: &Session, task: &Task, output: &Self::Output) -> Result<(), TaskError>;

    /// The task's return value. `cached` says whether it was there before the task came.
    fn answer(&self, task: &Task, output: &Self::Output, cached: bool) -> Value;
}
