//! The runtime that both workers share: take a delivery, run its handler, tell whoever asked, settle.
//!
//! Owns concurrency, retries, crashes and the drain. Promises that a delivery is settled only after its outcome was
//! delivered, that the class of an error alone decides how, and that work which is interrupted goes back to the queue.
//! Knows no broker (it sees [`Queue`]), no database and no model: those are the handlers' business.

pub mod handler;
pub mod logging;
pub mod memory;
pub mod queue;
pub mod reply;
pub mod runtime;
pub mod stdio;

pub use handler::{Context, Handler};
pub use memory::{MemoryQueue, MemoryReplies};
pub use queue::{Consumer, Delivery, Queue, Settled, Settlement};
pub use reply::{Outcome, Reply};
pub use runtime::{Drained, Runtime};
