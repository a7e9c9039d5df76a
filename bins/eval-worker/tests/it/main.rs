#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod attacks;
mod batch;
mod celery;
mod command;
mod fixture;
mod fleet;
mod interviewer;
mod length;
mod parts;
mod question;
mod question_celery;
mod question_model;
mod records;
mod replay;
mod resume;
mod sample;
mod searches;
mod tasks;
mod triples;
