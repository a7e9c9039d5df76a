//! The few building blocks that speech models need, on time-major matrices.
//!
//! One layout holds everywhere: [`Frames`], a row per time step and a column per channel ("channels last"). It makes a
//! window of neighbouring time steps contiguous, so every convolution, transposed or dilated, is a plain matrix
//! product over an overlapping view; see `conv` for the argument, `toom_cook` for the one that halves the multiplications.
//! Everything else is a loop over rows, spread over threads by rayon. Results don't depend on the number of threads.

#![allow(
    clippy::inline_always,
    reason = "a kernel is compiled for an instruction set only where it is inlined into the function that has it"
)]

mod activation;
mod attention;
mod conv;
mod depthwise;
mod frames;
mod linear;
mod lstm;
mod matmul;
mod norm;
mod same_conv;
mod simd;
mod toom_cook;
mod upsample;

pub(crate) use activation::{Activation, gate, gelu, gelu_tanh, leaky_relu, sigmoid};
pub(crate) use attention::{Relative, attend};
pub(crate) use conv::{Conv1d, Geometry};
pub(crate) use depthwise::Depthwise;
pub use frames::Frames;
pub(crate) use linear::Linear;
pub(crate) use lstm::BiLstm;
pub(crate) use norm::{Affine, LayerNorm, Moments};
pub(crate) use same_conv::SameConv;
pub use simd::Isa;
pub(crate) use toom_cook::ToomCook;
pub(crate) use upsample::{ConvTranspose1d, DepthwiseDoubling};
