//! What a worker brings: one handler per task name.

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use viva_core::{Task, TaskError, TaskMessage};

/// Does one kind of task.
///
/// Handlers run many at once and may be run again for the same task: what they leave behind must be the same either way.
/// Inference belongs on a thread of its own (`spawn_blocking` or an engine's), never on the runtime's.
#[async_trait]
pub trait Handler: Send + Sync {
    /// Does the task and returns what the asker gets. The class of an error decides what follows.
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError>;

    /// The task has failed for good, however that came about; `reason` says why. For whatever must not wait for it any longer.
    /// Called before the asker is told, and again if it fails.
    async fn abandon(&self, _task: &Task, _reason: &str) -> Result<(), TaskError> {
        Ok(())
    }
}

/// What a handler has for whoever asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The task's return value.
    Now(Value),
    /// Nothing yet: it is committed that somebody else answers. The delivery is done with.
    Later,
}

impl From<Value> for Answer {
    fn from(value: Value) -> Self {
        Self::Now(value)
    }
}

/// What a handler knows about its run.
#[derive(Debug, Clone)]
pub struct Context {
    /// The task as it came.
    pub message: TaskMessage,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// Somebody held this task before and was lost.
    pub redelivered: bool,
    /// Cancelled when the worker wants the task to stop: return [`viva_core::ErrorClass::Cancelled`] soon.
    pub cancel: CancellationToken,
}
