//! Passages of a resume, found by meaning.
//!
//! Owns how a resume is cut ([`chunk`]), how a text becomes a vector ([`Encoder`]; [`Bert`] is the one that runs here, on
//! candle), and how the passages nearest to a query are found ([`search()`]). Promises that the same resume is cut the same way
//! everywhere, that no passage is longer than what the model reads, and that a search is exact. Does not store: whoever keeps
//! vectors keeps [`Encoder::id`] beside them, since vectors of two models have nothing to say to each other.
//!
//! Knows no tokio, no database, no broker. Everything blocks.

mod bert;
pub mod chunk;
mod config;
mod encoder;
mod error;
mod queries;
mod search;
mod sections;
mod tokens;
mod vector;

pub use bert::Bert;
pub use chunk::{Chunk, chunks};
pub use config::{Options, Prompts};
pub use encoder::{Encoder, Purpose, Retriever};
pub use error::Error;
pub use search::{Hit, search};
pub use vector::{from_bytes, to_bytes};
