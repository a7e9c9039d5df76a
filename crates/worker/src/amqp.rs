//! Celery over RabbitMQ: deliveries and replies of a [`Node`] as the runtime takes them.
//!
//! Owns the translation, and nothing else: what Celery's messages, results and events look like is `viva-celery`'s business. A
//! task's envelope travels with it, so that whoever computes its result can answer it, in this process or another.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use viva_celery::{Call, Envelope, Exception, Node, Replies, Revocation};
use viva_core::{Clock as _, ErrorClass, Outcome, SystemClock, TaskMessage};

use crate::queue::{Consumer, Delivery, Error, Queue, Settle, Settled, Settlement};
use crate::reply::Reply;

/// Where the tasks travel that Viva sends to itself: never on a producer's queue.
pub const OWN_QUEUE: &str = "viva.evaluation";

/// A node as queue and replies. Clones share it.
#[derive(Debug, Clone)]
pub struct Amqp {
    node: Arc<Node>,
    replies: Replies,
}

/// What is kept to answer a task.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    celery: Envelope,
    /// When this task was taken, in seconds since 1970 by the taker's clock: for what monitors call its runtime.
    taken_s: f64,
}

impl Amqp {
    /// Takes tasks from `node`, and answers them.
    pub fn new(node: Arc<Node>) -> Self {
        Self { replies: node.replies(), node }
    }
}

#[async_trait]
impl Queue for Amqp {
    async fn publish(&self, message: TaskMessage) -> Result<(), Error> {
        let kept = kept(&message);
        let own = message.is_own();
        let mut call = Call { id: Some(message.id), ..Call::new(message.task, message.args, message.kwargs) };
        match kept {
            Some(Kept { celery, .. }) => {
                call.queue = Some(if own { OWN_QUEUE.to_owned() } else { celery.queue });
                call.retries = celery.retries;
                call.priority = celery.priority;
                call.reply_to = celery.reply_to;
                call.link = celery.embed.callbacks;
                call.link_error = celery.embed.errbacks;
                call.chain = celery.embed.chain;
                call.ignore_result = celery.ignore_result;
                call.root_id = celery.root_id;
                call.parent_id = celery.parent_id;
                call.group = celery.group;
            }
            None if own => {
                call.queue = Some(OWN_QUEUE.to_owned());
                call.ignore_result = true;
            }
            None => {}
        }
        self.replies.send(&call).await.map(drop).map_err(trouble)
    }

    /// The node was started with its number of places; `prefetch` is its business.
    async fn consume(&self, _prefetch: NonZeroUsize) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(Taking(self.node.clone())))
    }
}

struct Taking(Arc<Node>);

#[async_trait]
impl Consumer for Taking {
    async fn next(&mut self) -> Option<Delivery> {
        let taken = self.0.next().await?;
        let kept = Kept { celery: taken.envelope(), taken_s: now_s() };
        let task = taken.task();
        let message = TaskMessage {
            id: task.id.clone(),
            task: task.name.clone(),
            args: task.args.clone(),
            kwargs: task.kwargs.clone(),
            envelope: Some(serde_json::to_value(kept).expect("an envelope is plain JSON; this is a bug")),
        };
        let (attempt, redelivered, stop) = (task.retries.saturating_add(1), taken.redelivered(), taken.stop_token());
        Some(Delivery::new(message, attempt, redelivered, Box::new(Taken(taken))).stopped_by(stop))
    }

    async fn stop(&mut self) {
        self.0.stop().await;
    }
}

struct Taken(viva_celery::Delivery);

#[async_trait]
impl Settle for Taken {
    async fn started(&mut self) {
        self.0.started().await;
    }

    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<Settled, Error> {
        let delivery = self.0;
        let settled = match settlement {
            Settlement::Ack => Ok(delivery.ack().await),
            Settlement::RetryAfter { delay, reason } => delivery.retry(delay, &Exception::new("RuntimeError", reason)).await,
            Settlement::DeadLetter { reason } => delivery.dead_letter(&reason).await,
            // Revoked, out of time, or handed back.
            Settlement::HandBack => delivery.stopped().await,
        };
        match settled {
            Ok(viva_celery::Settled::Done) => Ok(Settled::Done),
            Ok(viva_celery::Settled::Lost) => Ok(Settled::Lost),
            Err(error) => Err(trouble(error)),
        }
    }
}

#[async_trait]
impl Reply for Amqp {
    async fn deliver(&self, task: &TaskMessage, outcome: &Outcome) -> Result<(), Error> {
        // A part of a report: nobody asked for it by name.
        let Some(Kept { celery, taken_s }) = kept(task) else { return Ok(()) };
        let told = match outcome {
            Outcome::Success(value) => {
                let took = Duration::try_from_secs_f64(now_s() - taken_s).unwrap_or_default();
                self.replies.succeed(&celery, value, took).await
            }
            Outcome::Failure { class: ErrorClass::Cancelled, .. } => self.replies.revoked(&celery, Revocation::Revoked).await,
            Outcome::Failure { class, message, .. } => self.replies.fail(&celery, &exception(*class, message)).await,
        };
        told.map_err(trouble)
    }
}

/// What Python raises: a `ValueError` for what the request itself got wrong, a `RuntimeError` for the rest.
fn exception(class: ErrorClass, message: &str) -> Exception {
    let kind = if class == ErrorClass::Permanent { "ValueError" } else { "RuntimeError" };
    Exception::new(kind, message)
}

/// A task that came through another broker has an envelope that says nothing here.
fn kept(message: &TaskMessage) -> Option<Kept> {
    serde_json::from_value(message.envelope.clone()?).ok()
}

fn now_s() -> f64 {
    SystemClock.wall().timestamp_micros() as f64 / 1e6
}

fn trouble(error: viva_celery::Error) -> Error {
    Error { queue: "amqp".to_owned(), reason: viva_core::TaskError::transient(error).chain() }
}
