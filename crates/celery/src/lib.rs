//! The other side of Celery's task protocol 2 over RabbitMQ: a worker that Python's `send_task`, `celery inspect`, Flower and
//! exporters take for one of their own, for programs that are not written in Python.
//!
//! A [`Node`] is one worker. It takes messages, hands out the [`Delivery`]s that are due, answers remote control and shows
//! that it lives; its owner runs the tasks and settles the deliveries. Where the answer comes later, or from another process,
//! an [`Envelope`] is kept as JSON and [`Replies`] answer it. [`decode`] reads messages without any broker.
//!
//! It promises at-least-once: a delivery is acknowledged after its result is kept and what follows it is sent. It does not run
//! tasks, know what they compute, or see that two workers do not compute the same.
#![doc = include_str!("../README.md")]

mod broker;
mod call;
mod clock;
mod control;
mod dead;
mod envelope;
mod error;
mod events;
mod exception;
mod follow;
mod heart;
mod machine;
mod message;
mod node;
mod replies;
mod results;
mod settings;

pub use call::Call;
pub use dead::{DeadLetter, DeadLetters, Which};
pub use envelope::Envelope;
pub use error::Error;
pub use exception::Exception;
pub use message::{Embed, Fault, Incoming, Signature, Task, TimeLimit, decode, repr, repr_args};
pub use node::{CancelReason, Delivery, Left, Node, Settled};
pub use replies::{Replies, Revocation};
pub use settings::{QueueType, ResultBackend, Settings, Software, Unknown, UtcOffset};
