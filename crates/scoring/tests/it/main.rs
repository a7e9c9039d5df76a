#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod evaluate;
mod evidence;
mod fake;
mod prompt;
mod report;
mod rubric;
mod samples;
mod triage;
