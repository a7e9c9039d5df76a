#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod attacks;
mod batch;
mod celery;
mod command;
mod fixture;
mod fleet;
mod length;
mod parts;
mod records;
mod replay;
mod sample;
mod tasks;
mod triples;
