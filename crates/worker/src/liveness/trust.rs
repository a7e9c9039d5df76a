use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use viva_core::clock::Moment;
use viva_core::liveness::{Rhythm, Standing};
use viva_core::{Clock as _, SystemClock};

/// How far this process may still trust that it is taken for alive. Clones share it.
#[derive(Debug, Clone)]
pub struct Trust(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rhythm: Rhythm,
    /// When the last sign of life that got through was begun.
    begun: Mutex<Moment>,
    /// As of the last change: to wait for. Whoever decides asks the clock.
    standing: watch::Sender<Standing>,
    /// It was declared gone, or gave itself up.
    lost: CancellationToken,
}

impl Trust {
    /// Trusted from now on.
    pub(crate) fn new(rhythm: Rhythm, lost: CancellationToken) -> Self {
        let begun = Mutex::new(SystemClock.monotonic());
        Self(Arc::new(Inner { rhythm, begun, standing: watch::Sender::new(Standing::Trusted), lost }))
    }

    /// What this process may do at this moment.
    pub fn standing(&self) -> Standing {
        if self.is_lost() {
            return Standing::Untrusted;
        }
        let begun = *self.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.rhythm.standing(SystemClock.monotonic().since(begun))
    }

    /// Others have this process' work: it must stop.
    pub fn is_lost(&self) -> bool {
        self.0.lost.is_cancelled()
    }

    /// Waits until new work may be taken; false once it never may again.
    pub async fn may_claim(&self) -> bool {
        let mut changed = self.0.standing.subscribe();
        while self.standing() != Standing::Trusted {
            let again = async {
                drop(changed.wait_for(|standing| *standing == Standing::Trusted).await);
                // A process that wakes from a long sleep finds an old "trusted" here, and its clock knows better.
                tokio::time::sleep(Duration::from_millis(5)).await;
            };
            if self.0.lost.run_until_cancelled(again).await.is_none() {
                return false;
            }
        }
        true
    }

    /// Waits until what runs must stop.
    pub async fn ends(&self) {
        let mut changed = self.0.standing.subscribe();
        let ended = async {
            // The sender lives in here: it is never gone.
            if changed.wait_for(|standing| *standing == Standing::Untrusted).await.is_err() {
                pending::<()>().await;
            }
        };
        tokio::select! {
            () = self.0.lost.cancelled() => {}
            () = ended => {}
        }
    }

    /// A sign of life that was begun at `begun` has got through.
    pub(super) fn renew(&self, begun: Moment) {
        *self.0.begun.lock().unwrap_or_else(PoisonError::into_inner) = begun;
        self.publish();
    }

    /// Tells those who wait, now and whenever time alone changes the standing.
    pub(super) async fn run_out(&self) {
        loop {
            let begun = *self.0.begun.lock().unwrap_or_else(PoisonError::into_inner);
            let since = SystemClock.monotonic().since(begun);
            self.publish();
            let Rhythm { beat, ttl } = self.0.rhythm;
            let next = if since < ttl / 2 { ttl / 2 } else { self.0.rhythm.ends() };
            // At the latest after a beat: a renewal moves both.
            tokio::time::sleep(next.saturating_sub(since).clamp(Duration::from_millis(1), beat)).await;
        }
    }

    fn publish(&self) {
        let now = self.standing();
        let before = self.0.standing.borrow().to_owned();
        if before == now {
            return;
        }
        match now {
            Standing::Trusted => tracing::info!("signs of life get through again"),
            Standing::Doubtful => tracing::warn!("no sign of life gets through; this worker takes nothing new"),
            Standing::Untrusted => tracing::error!("no sign of life got through for too long; this worker stops what it does"),
        }
        self.0.standing.send_replace(now);
    }
}
