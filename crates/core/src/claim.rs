//! Who computes what: the values that claims are made of. The rows are [`crate::store::Claims`]'s business.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Digest;

/// One start of one worker process. A process that starts again is another one: what the old one held is not its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(String);

impl WorkerId {
    /// An id that no process had before.
    #[expect(clippy::new_without_default, reason = "no two are equal")]
    pub fn new() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for WorkerId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The right to compute something, and to commit it as long as nobody took the right away: every later holder has a higher
/// epoch, and a commit under an older one changes no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What is computed.
    pub computation: Digest,
    /// Who computes it.
    pub worker: WorkerId,
    /// Grows with every holder.
    pub epoch: i64,
    /// How often it was begun in this generation, this time included. Counted when it is taken, so that a computation which
    /// kills its worker is counted too.
    pub attempts: u32,
}

/// What came of trying to take a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Ours(Claim),
    /// Somebody is at it.
    Held,
}

/// How a claim ends that is not lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The computation is over, well or not: whoever asks after this starts a new generation, or finds the result.
    Settled,
    /// It failed in a way that may pass; the next attempt counts on.
    Failed,
    /// It was given back before its end, by a worker that leaves. The attempt does not count.
    HandedBack,
}
