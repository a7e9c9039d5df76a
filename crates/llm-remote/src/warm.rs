//! The first of those that begin alike goes ahead.
//!
//! A server that caches prompts has nothing to share while seventeen requests with the same rubric arrive at once: each computes
//! it. So one is sent, and the others wait until its first token shows that the prompt has been read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turns, OwnedMutexGuard};

/// Beginnings that are remembered; a server does not keep more for long either.
const REMEMBERED: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Warmth {
    /// Whether each beginning has been read by the server. Who holds the lock is finding out.
    beginnings: Mutex<HashMap<String, Arc<Turns<bool>>>>,
}

/// The right, and the duty, to find out first. Dropped without a token it passes to the next who waits.
#[derive(Debug)]
pub(crate) struct Lead(OwnedMutexGuard<bool>);

impl Warmth {
    /// Waits until it makes sense to send a request that begins with `beginning`; the lead is whoever goes first.
    pub(crate) async fn turn(&self, beginning: &str) -> Option<Lead> {
        let turns = {
            let mut beginnings = self.beginnings.lock().unwrap_or_else(PoisonError::into_inner);
            if beginnings.len() >= REMEMBERED && !beginnings.contains_key(beginning) {
                beginnings.retain(|_, turns| Arc::strong_count(turns) > 1);
            }
            Arc::clone(beginnings.entry(beginning.to_owned()).or_default())
        };
        let known = turns.lock_owned().await;
        (!*known).then_some(Lead(known))
    }
}

impl Lead {
    /// The server has read the beginning: all who wait may go.
    pub(crate) fn warm(mut self) {
        *self.0 = true;
    }
}
