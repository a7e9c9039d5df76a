//! The runtime that both workers share: take a delivery, run its handler, tell whoever asked, settle.
//!
//! Owns concurrency, retries, crashes and the drain. Promises that a delivery is settled only after its outcome was
//! delivered, that the class of an error alone decides how, and that work which is interrupted goes back to the queue.
//! Knows no broker (it sees [`Queue`]), no database and no model: those are the handlers' business.

pub mod amqp;
pub mod dispatch;
pub mod flight;
pub mod handler;
pub mod health;
pub mod keeper;
pub mod liveness;
pub mod logging;
pub mod memory;
pub mod queue;
mod relay;
pub mod reply;
pub mod runtime;
pub mod serve;
pub mod stdio;

pub use amqp::Amqp;
pub use dispatch::{Asked, Closing, Dispatcher};
pub use flight::{Flight, Work};
pub use handler::{Answer, Context, Handler};
pub use keeper::{Hung, Keeper, Timing};
pub use liveness::{Progress, Step, Trust};
pub use memory::{MemoryQueue, MemoryReplies};
pub use queue::{Consumer, Delivery, Queue, Settled, Settlement};
pub use reply::Reply;
pub use runtime::{Drained, Runtime};
