//! Local language models: GGUF files decoded on CPU, many answers at once.
//!
//! [`engine`] is the seam: a small synchronous trait. [`Local`] serves a file through it, from a thread of its own.
//! Many requests decode together, a step at a time (`scheduler`). The forward pass and its kernels are written here: candle's
//! stock quantised models cannot batch and get Gemma 3 wrong, and its matrix kernels give a row other bits in other company.
//!
//! Knows no tokio, no database, no broker.

mod config;
pub mod engine;
mod error;
mod gguf;
mod grammar;
mod inspect;
mod kernel;
mod local;
mod metrics;
mod model;
mod sampler;
mod scheduler;
mod serve;
mod template;
mod time;
mod tokenizer;

pub use engine::{Cancel, Chance, Completion, Engine, Finish, Message, ModelInfo, Number, Part, Priority, Request, Role, Sampling};
pub use error::Error;
pub use inspect::{Inspection, inspect};
pub use kernel::Instructions;
pub use local::{Local, Options};
pub use metrics::Metrics;
pub use model::{Kept, Precision};
pub use tokenizer::Tokenizer;
