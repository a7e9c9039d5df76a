#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "tests")]

mod records;
