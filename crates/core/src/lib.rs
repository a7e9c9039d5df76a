//! Task messages, job states, retry rules, the clock, audio files and records: what both workers agree on.
//!
//! Owns the rules and the shapes; decides nothing by reading two machines' clocks, and knows no broker and no model.
//! The database lives in [`store`] and the files in [`audio`], behind the features of those names, and nowhere else.

#[cfg(feature = "audio")]
pub mod audio;
pub mod claim;
pub mod clock;
pub mod digest;
pub mod error;
pub mod evaluation;
pub mod gauges;
pub mod liveness;
pub mod outcome;
pub mod report;
pub mod retry;
pub mod state;
#[cfg(feature = "store")]
pub mod store;
pub mod task;

pub use clock::{Clock, ManualClock, SystemClock};
pub use digest::Digest;
pub use error::{Classified, ErrorClass, TaskError};
pub use outcome::Outcome;
pub use task::{Task, TaskMessage};
