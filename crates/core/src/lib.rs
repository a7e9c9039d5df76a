//! Task messages, job states, retry rules, the clock, audio files and records: what both workers agree on.
//!
//! Owns the rules and the shapes; decides nothing by reading two machines' clocks, and knows no broker and no model.
//! The database lives in [`store`], behind the feature of that name, and nowhere else.

pub mod audio;
pub mod clock;
pub mod digest;
pub mod error;
pub mod evaluation;
pub mod report;
pub mod retry;
pub mod state;
#[cfg(feature = "store")]
pub mod store;
pub mod task;

pub use clock::{Clock, ManualClock, SystemClock};
pub use digest::Digest;
pub use error::{Classified, ErrorClass, TaskError};
pub use task::{Task, TaskMessage};
