#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod drain;
mod harness;
mod memory;
mod runtime;
