//! What keeps a worker process honest about being alive.
//!
//! Owns the thread of the signs of life, with its own runtime and its own connections, so that neither inference nor a full
//! runtime can starve them. Promises that it beats only while the work makes progress or has declared how long it takes; that a
//! worker whose signs do not get through takes nothing new, and stops before others may have its work; and that the others are
//! judged by their counters and locks alone. Publishes nothing: letters are the relay's business.

pub(crate) mod heart;
mod kept;
mod lanes;
mod mail;
mod progress;
mod trust;
mod watch;

pub(crate) use kept::Kept;
pub(crate) use lanes::Lanes;
pub use progress::{Overdue, Progress, Step};
pub use trust::Trust;
