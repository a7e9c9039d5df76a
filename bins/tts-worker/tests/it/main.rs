//! Promises of the voice worker, in one binary.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod celery;
mod command_line;
mod crew;
mod fleet;
mod load;
mod synthesize;
mod workplace;
