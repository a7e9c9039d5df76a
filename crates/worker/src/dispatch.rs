//! The producers' half: what many ask for at once is published once.
//!
//! Promises that of any number of producers who ask for the same task, in any number of processes, one publishes it until it is
//! answered, and that what a producer was told is published is published, even if its process ends right after. A producer that
//! publishes past this is no harm: workers compute once anyway.

use std::sync::Arc;

use async_trait::async_trait;
use viva_core::store::{Letter, Relayed, Store};
use viva_core::{Outcome, Task, TaskError, TaskMessage};

use crate::queue;
use crate::reply::Reply;

/// How the ids of dispatched tasks begin: the answers to all others need no look into the database.
const PREFIX: &str = "once-";

/// Publishes tasks once. Clones share the database.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    store: Store,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It is on its way, under this task id.
    Published(String),
    /// Somebody asked before and has no answer yet; theirs is this task id.
    Before(String),
}

impl Dispatcher {
    /// A dispatcher over the workers' database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Asks for a task. It leaves through the outbox: a worker's relay publishes it.
    pub async fn ask(&self, task: &Task) -> Result<Asked, TaskError> {
        let message = task.to_message();
        let message = TaskMessage { id: format!("{PREFIX}{}", message.id), ..message };
        let unit = self.store.write().await?;
        let asked = if let Some(earlier) = unit.dispatches().open(&message).await? {
            Asked::Before(earlier)
        } else {
            let id = message.id.clone();
            unit.outbox().post(&[(Relayed::ByAny, Letter::Task { message })]).await?;
            Asked::Published(id)
        };
        unit.commit().await?;
        Ok(asked)
    }
}

/// Replies that close the dispatch of the task they answer.
pub struct Closing {
    store: Store,
    replies: Arc<dyn Reply>,
}

impl Closing {
    /// Delivers through `replies`.
    pub fn new(store: Store, replies: Arc<dyn Reply>) -> Self {
        Self { store, replies }
    }

    async fn close(&self, task_id: &str) -> Result<(), TaskError> {
        let unit = self.store.write().await?;
        unit.dispatches().close(task_id).await?;
        Ok(unit.commit().await?)
    }
}

impl std::fmt::Debug for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Closing").finish_non_exhaustive()
    }
}

#[async_trait]
impl Reply for Closing {
    async fn deliver(&self, task: &TaskMessage, outcome: &Outcome) -> Result<(), queue::Error> {
        self.replies.deliver(task, outcome).await?;
        if !task.id.starts_with(PREFIX) {
            return Ok(());
        }
        // Delivered and not closed: the task is answered once more, and closed then.
        self.close(&task.id).await.map_err(|error| queue::Error { queue: "replies".to_owned(), reason: error.chain() })
    }
}
