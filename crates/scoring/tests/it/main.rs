#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod evaluate;
mod evidence;
mod fake;
mod html;
mod injection;
mod prompt;
mod replay;
mod report;
mod rubric;
mod samples;
mod schema;
mod triage;
