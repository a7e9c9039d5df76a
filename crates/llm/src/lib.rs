//! Local language models: GGUF files decoded on CPU through candle's tensors.
//!
//! See [`engine`] for the trait that callers use.

pub mod engine;
mod error;

pub use engine::{Cancel, Completion, Engine, Finish, Message, ModelInfo, Part, Request, Role, Sampling};
pub use error::Error;
