//! The proof beside the real thing: Python's client, its command line, its worker, its monitors.
//!
//! Whatever is expected here, a Python worker does too: `VIVA_TEST_WORKER=python` runs the tests of `client` and `canvas` against one.
#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, missing_docs, unreachable_pub, reason = "tests")]

mod backlog;
mod brokers;
mod canvas;
mod client;
mod control;
mod decoder;
mod events;
mod faults;
mod harness;
mod malformed;
mod monitors;
mod overhead;
mod shape;
