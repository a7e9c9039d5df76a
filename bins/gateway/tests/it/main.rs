//! The gateway over real sockets, a real database and the real runtime of the workers, with a voice that costs nothing.

#![allow(clippy::unwrap_used, reason = "tests")]

mod access;
mod audio;
mod faults;
mod house;
mod news;
mod openai;
mod openapi;
mod readme;
mod report;
mod resumes;
mod webhook;
