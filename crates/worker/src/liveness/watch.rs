use std::time::Duration;

use tokio::runtime::Handle;
use viva_core::claim::WorkerId;
use viva_core::clock::Moment;
use viva_core::liveness::{Observer, Rhythm, Standing, Verdict, Why};
use viva_core::store::{Look, Lookout, Relayed, Retention, Store};
use viva_core::{Clock as _, SystemClock, TaskError};

use super::Trust;
use crate::flight::send_on;

/// Between two times of forgetting what is over; each worker does so, and finds little left by the others.
const PRUNE: Duration = Duration::from_mins(10);

/// Looks at the others, declares gone who is, and takes up what they left. Any number of workers may do so at once.
pub(super) struct Watch {
    pub(super) worker: WorkerId,
    pub(super) lookout: Lookout,
    /// The worker's own, whose claims in front of the database are renewed.
    pub(super) store: Store,
    /// Where that one lives: a connection that it makes elsewhere would end with this thread.
    pub(super) main: Handle,
    pub(super) trust: Trust,
    pub(super) rhythm: Rhythm,
    pub(super) patience: Duration,
    /// When it last forgot what is over.
    pub(super) pruned: Option<Moment>,
}

impl Watch {
    /// Goes on for ever.
    pub(super) async fn run(mut self) {
        let (mut observer, mut blind) = (Observer::new(), false);
        let mut ticks = tokio::time::interval(self.rhythm.look());
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            match tokio::time::timeout(self.patience, self.lookout.look()).await {
                Ok(Ok(look)) => {
                    blind = false;
                    self.act(&mut observer, look).await;
                }
                Ok(Err(error)) => {
                    observer.restart();
                    if !std::mem::replace(&mut blind, true) {
                        tracing::warn!(error = TaskError::from(error).chain(), "the other workers cannot be seen; it is tried again");
                    }
                }
                Err(_) => {
                    observer.restart();
                    if !std::mem::replace(&mut blind, true) {
                        tracing::warn!(patience_ms = self.patience.as_millis() as u64, "the other workers cannot be seen: no answer");
                    }
                    // What fails here fails again at the next look.
                    tokio::time::timeout(self.patience, self.lookout.reopen()).await.ok();
                }
            }
        }
    }

    async fn act(&mut self, observer: &mut Observer, look: Look) {
        let mut gone = false;
        for verdict in observer.look(SystemClock.monotonic(), &look.others) {
            match self.lookout.declare_gone(&verdict).await {
                Ok(declared) => {
                    gone |= declared;
                    if declared {
                        tell(&verdict);
                    }
                }
                Err(error) => tracing::warn!(error = TaskError::from(error).chain(), "a worker that is gone could not be declared so"),
            }
        }
        // A worker that may itself be taken for gone takes up nothing.
        if self.trust.standing() != Standing::Trusted {
            return;
        }
        self.renew();
        self.prune();
        if (gone || look.left)
            && let Err(error) = self.rescue().await
        {
            tracing::warn!(error = error.chain(), "what gone workers left could not be taken up yet");
        }
    }

    fn renew(&self) {
        let (store, worker) = (self.store.clone(), self.worker.clone());
        self.main.spawn(async move { store.renew_claims(&worker).await });
    }

    /// Forgets what is over, now and then. Over the store's own connections: a look must not wait for it.
    fn prune(&mut self) {
        let now = SystemClock.monotonic();
        if self.pruned.is_some_and(|last| now.since(last) < PRUNE) {
            return;
        }
        self.pruned = Some(now);
        let store = self.store.clone();
        self.main.spawn(async move {
            match store.prune(Retention::default()).await {
                Ok(pruned) => tracing::debug!(?pruned, "forgot what is over"),
                Err(error) => tracing::warn!(error = TaskError::from(error).chain(), "what is over could not be forgotten yet"),
            }
        });
    }

    /// Takes up what workers that are gone were answerable for.
    async fn rescue(&self) -> Result<(), TaskError> {
        let unit = self.lookout.store().write().await?;
        let rescued = unit.claims().rescue(&self.worker).await?;
        for computation in &rescued {
            send_on(&unit, computation, Relayed::By(&self.worker)).await?;
        }
        unit.outbox().adopt(&self.worker).await?;
        unit.commit().await?;
        if !rescued.is_empty() {
            metrics::counter!("viva_claims_rescued_total").increment(rescued.len() as u64);
            tracing::info!(claims = rescued.len(), "took up what a worker left that is gone");
        }
        Ok(())
    }
}

fn tell(verdict: &Verdict) {
    metrics::counter!("viva_workers_declared_gone_total").increment(1);
    let after_ms = verdict.after.as_millis() as u64;
    let what = match verdict.why {
        Why::Died => "a worker's process has ended: its lock is free; it is taken for gone",
        Why::Silent => "a worker gave no sign of life and is taken for gone",
    };
    tracing::warn!(worker.gone = %verdict.id, after_ms, "{what}");
}
