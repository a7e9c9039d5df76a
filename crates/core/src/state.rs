//! The states of a job, and which may follow which.

use serde::{Deserialize, Serialize};

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Asked for, not begun.
    Pending,
    /// A worker is at it.
    Running,
    /// It failed in a way that may pass, and waits for its next attempt.
    Retrying,
    /// Done; the result stands.
    Succeeded,
    /// It cannot be done; whoever asked was told.
    Failed,
    /// Set aside for people to look at.
    Dead,
    /// Stopped on purpose.
    Cancelled,
}

impl State {
    /// Whether the job is over: a final state is never left.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Dead | Self::Cancelled)
    }

    /// Whether a job in this state may go to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Pending | Self::Retrying => matches!(next, Self::Running | Self::Cancelled | Self::Dead),
            // A worker that leaves hands its job back: running to pending.
            Self::Running => next != Self::Running,
            _ => false,
        }
    }
}
