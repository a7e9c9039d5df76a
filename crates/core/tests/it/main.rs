#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod audio;
mod clock;
mod digest;
mod disk;
mod error;
mod retry;
mod store;
mod task;
