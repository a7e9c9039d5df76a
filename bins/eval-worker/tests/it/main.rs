#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod batch;
mod celery;
mod command;
mod fixture;
mod parts;
mod sample;
mod tasks;
