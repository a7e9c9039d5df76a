//! Text to speech on CPU: Korean normaliser, pronunciation, Kokoro-82M, Piper's voices, WAV, FLAC, Opus.
//!
//! Owns everything between a text and the samples that say it. Knows no async runtime, no database and no broker:
//! workers call it from a thread of their own.

pub mod audio;
mod error;
pub mod kokoro;
mod nn;
pub mod onnx;
pub mod text;
pub mod vits;
pub mod wav;

pub use error::Error;
pub use kokoro::{DEFAULT_VOICE, ENGINE_VERSION, Kokoro, KokoroFiles, MODEL_SHA256, SAMPLE_RATE, Speech, Utterance};
pub use nn::{Frames, Isa};
pub use text::Language;
pub use vits::Vits;
