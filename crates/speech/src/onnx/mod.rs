//! A reader for ONNX files, written by hand: the usual crates need a protobuf compiler at build time.
//!
//! Owns the wire format, the graph's structure and the initialisers' values. Promises an error, never a panic, on any
//! bytes. It does not run graphs: the engines read weights out of them and compute by themselves.

mod graph;
mod tensor;
mod wire;

pub use graph::{Graph, Node};
pub use tensor::Initialiser;
pub use wire::Malformed;
