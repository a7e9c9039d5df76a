use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// Why a running task is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum CancelReason {
    /// `revoke` with `terminate`, by a signal of this number.
    Revoked {
        /// 15 for TERM.
        signum: i32,
    },
    /// Its soft time limit passed: it may still finish.
    SoftTimeLimit {
        /// The limit.
        after_s: f64,
    },
    /// Its hard time limit passed.
    TimeLimit {
        /// The limit.
        after_s: f64,
    },
    /// The worker leaves, and its deadline passed.
    Shutdown,
}

/// Tells a running task to stop, and why. The gravest reason counts.
#[derive(Debug, Default)]
pub(crate) struct Cancel {
    /// It has to stop.
    pub(crate) stop: CancellationToken,
    /// It should come to an end; also cancelled when it has to stop.
    pub(crate) soft: CancellationToken,
    reason: Mutex<Option<CancelReason>>,
}

impl Cancel {
    pub(crate) fn cancel(&self, why: CancelReason) {
        let mut reason = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.is_cancelled() {
            return;
        }
        *reason = Some(why);
        self.soft.cancel();
        if !matches!(why, CancelReason::SoftTimeLimit { .. }) {
            self.stop.cancel();
        }
    }

    pub(crate) fn reason(&self) -> Option<CancelReason> {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
