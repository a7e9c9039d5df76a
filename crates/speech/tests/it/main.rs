//! Promises of the speech engine, in one binary.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod any_text;
mod damaged_files;
mod engine;
mod formats;
mod g2p;
mod normalise;
mod parity;
mod piper;
mod reference;
mod script;
mod speaking;
mod wav_files;
