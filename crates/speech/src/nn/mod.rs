//! The few building blocks that speech models need, on time-major matrices.
//!
//! One layout holds everywhere: [`Frames`], a row per time step and a column per channel ("channels last"). It makes a
//! window of neighbouring time steps contiguous, so every convolution, transposed or dilated, is a plain matrix
//! product over an overlapping view, which candle multiplies; see `conv` for the argument and the measured gain.
//! Everything else is a loop over rows, spread over threads by rayon. Results don't depend on the number of threads.

mod activation;
mod conv;
mod frames;
mod linear;
mod lstm;
mod matmul;
mod norm;
mod upsample;

pub(crate) use activation::{gelu_tanh, leaky_relu, sigmoid, snake};
pub(crate) use conv::{Conv1d, Geometry, Windows};
pub use frames::Frames;
pub(crate) use linear::Linear;
pub(crate) use lstm::BiLstm;
pub(crate) use matmul::{Buffer, View, multiply};
pub(crate) use norm::{LayerNorm, Moments};
pub(crate) use upsample::{ConvTranspose1d, DepthwiseDoubling};
