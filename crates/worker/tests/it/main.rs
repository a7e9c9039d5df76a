#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, missing_docs, unreachable_pub, reason = "tests")]

mod crew;
mod drain;
mod flight;
mod harness;
mod logging;
mod memory;
mod redis_claims;
mod runtime;
