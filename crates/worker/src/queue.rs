//! What the runtime asks of a broker: deliveries that stay held until they are settled.
//!
//! The shape is RabbitMQ's, so that a session of a real broker fits: a bounded number of unsettled deliveries per consumer,
//! redelivery of what a lost consumer held, and a settlement that can come too late. Messages that cannot be read at all
//! are for the implementation to set aside; it delivers task messages only.

use std::num::NonZeroUsize;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use viva_core::TaskMessage;
use viva_core::error::{Classified, ErrorClass};

/// A queue of tasks.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Adds a task; returns once the queue is answerable for it.
    async fn publish(&self, message: TaskMessage) -> Result<(), Error>;

    /// Starts taking tasks, at most `prefetch` of them unsettled at any time.
    async fn consume(&self, prefetch: NonZeroUsize) -> Result<Box<dyn Consumer>, Error>;
}

/// One party that takes tasks from a queue. Dropping it gives back, as redelivered, all that it has not settled.
#[async_trait]
pub trait Consumer: Send {
    /// The next delivery; waits for one. `None` when the broker has ended this consumer.
    ///
    /// May be cancelled: a delivery is returned or stays in the queue.
    async fn next(&mut self) -> Option<Delivery>;

    /// Takes no more tasks. Deliveries that were returned by `next` can still be settled.
    async fn stop(&mut self);
}

/// A task in this worker's hands.
#[must_use = "a delivery that is not settled is held until its consumer ends"]
pub struct Delivery {
    /// The task.
    pub message: TaskMessage,
    /// Which attempt this is, from 1, as far as the queue can tell.
    pub attempt: u32,
    /// Somebody held it before and was lost: a hint to look for traces, not a proof of any.
    pub redelivered: bool,
    /// Cancelled when the broker's side wants this task stopped: it was called back, or its time is over. Hand it back then.
    pub stop: CancellationToken,
    settler: Box<dyn Settle>,
}

impl Delivery {
    /// A delivery that `settler` settles.
    pub fn new(message: TaskMessage, attempt: u32, redelivered: bool, settler: Box<dyn Settle>) -> Self {
        Self { message, attempt, redelivered, stop: CancellationToken::new(), settler }
    }

    /// The same, stopped by `stop`.
    pub fn stopped_by(self, stop: CancellationToken) -> Self {
        Self { stop, ..self }
    }

    /// Tells the broker that it begins to run.
    pub async fn started(&mut self) {
        self.settler.started().await;
    }

    /// Tells the broker what became of it.
    pub async fn settle(self, settlement: Settlement) -> Result<Settled, Error> {
        self.settler.settle(settlement).await
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { message, attempt, redelivered, .. } = self;
        write!(f, "Delivery({} {}, attempt {attempt}, redelivered: {redelivered})", message.task, message.id)
    }
}

/// The broker's half of a delivery.
#[async_trait]
pub trait Settle: Send + Sync {
    /// The task begins to run.
    async fn started(&mut self) {}

    /// Settles the delivery, once.
    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<Settled, Error>;
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It is done with.
    Ack,
    /// Deliver it again, as the next attempt.
    RetryAfter {
        /// After this time.
        delay: std::time::Duration,
        /// Why, for whoever watches.
        reason: String,
    },
    /// Set it aside, with the reason.
    DeadLetter {
        /// For the people who look at it later.
        reason: String,
    },
    /// Not done: give it to somebody else at once, where the attempt does not count; or end it, if it was stopped by
    /// [`Delivery::stop`].
    HandBack,
}

/// Whether the broker heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It did.
    Done,
    /// The consumer was gone by then: the task has gone, or will go, to somebody else.
    Lost,
}

/// The broker cannot be used at the moment.
#[derive(Debug, thiserror::Error)]
#[error("the queue {queue:?} cannot be used: {reason}")]
pub struct Error {
    /// The queue's name.
    pub queue: String,
    /// What happened, and what to do.
    pub reason: String,
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        ErrorClass::Unavailable
    }
}
