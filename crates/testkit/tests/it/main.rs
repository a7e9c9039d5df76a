//! The house's own tests: what holds across crates.
#![allow(clippy::unwrap_used, reason = "tests")]

mod arrows;
mod disk;
mod model;
