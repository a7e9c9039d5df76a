//! The house's own tests: what holds across crates.
#![allow(clippy::unwrap_used, reason = "tests")]

mod arrows;
mod disk;
mod fake_clock;
mod faults;
mod model;
mod postgres;
mod proc;
mod rabbit;
mod redis;
mod relay;
mod s3;
