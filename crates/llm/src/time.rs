//! The one place of this crate that reads a clock, and only the monotonic one: for deadlines, and for what the engine tells of
//! its own time. No answer depends on it but one that comes too late.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "engines do not know viva_core, and this clock never leaves the process")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
