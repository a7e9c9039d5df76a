#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, missing_docs, unreachable_pub, reason = "tests")]

mod audio;
mod clock;
mod digest;
mod disk;
mod error;
mod model;
mod retry;
mod store;
mod task;
