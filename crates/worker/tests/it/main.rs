#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, missing_docs, unreachable_pub, reason = "tests")]

mod beside_celery;
mod chaos;
mod clocks;
mod cost;
mod crew;
mod cut_off;
mod drain;
mod fleet;
mod flight;
mod harness;
mod load;
mod logging;
mod memory;
mod outage;
mod redis_claims;
mod rescue;
mod runtime;
