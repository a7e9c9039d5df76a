//! Who is still there: a worker lives while its counter changes, timed by the observer's own monotonic clock.
//!
//! Pure. Promises that no wall clock is read, that an observer which was itself paused or cut off convicts nobody for it, and
//! that one lucky or unlucky look decides nothing. A verdict is only a reason to look: the store declares a worker gone only if
//! its counter still stands where it was seen, and a claim that was taken from a living worker is fenced.

mod observer;
mod rhythm;

pub use observer::{Lock, Observer, Sign, Verdict, Why};
pub use rhythm::{Rhythm, Standing};

#[cfg(test)]
mod tests;
