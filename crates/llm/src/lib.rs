//! Local language models: GGUF files decoded on CPU through candle's tensors.
//!
//! [`engine`] is the seam: a small synchronous trait. [`Local`] serves a file through it, from a thread of its own.
//! The forward pass is written here over the file's tensors, since candle's stock quantised models cannot batch and get
//! Gemma 3 wrong; the matrix kernels are candle's.
//!
//! Knows no tokio, no database, no broker.

mod config;
mod decode;
pub mod engine;
mod error;
mod gguf;
mod grammar;
mod local;
mod model;
mod sampler;
mod template;
mod tokenizer;

pub use engine::{Cancel, Completion, Engine, Finish, Message, ModelInfo, Part, Request, Role, Sampling};
pub use error::Error;
pub use local::{Local, Options};
pub use model::Precision;
pub use tokenizer::Tokenizer;
