//! A worker process among others: it tells that it lives, notices who does not, and takes up what they left.
//!
//! Owns the process' row among the worker sessions and its relay. Promises that a claim whose holder is gone gets another
//! holder, that what the gone one had to publish is published, and that a process which was declared gone learns of it and is
//! told to stop. Judges by counters and its own monotonic clock only.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_core::claim::WorkerId;
use viva_core::liveness::Observer;
use viva_core::store::{Relayed, Store};
use viva_core::{Clock, SystemClock, TaskError};

use crate::flight::send_on;
use crate::queue::Queue;
use crate::relay::Relay;
use crate::reply::Reply;

/// How often a worker tells that it lives, and how long it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between two signs of life.
    pub beat: Duration,
    /// A counter that stands for this long belongs to a worker that is gone. Several beats: a slow database kills nobody.
    pub ttl: Duration,
    /// Between two looks into the outbox, when nothing is in it.
    pub relay: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { beat: Duration::from_secs(2), ttl: Duration::from_secs(20), relay: Duration::from_millis(50) }
    }
}

/// A running process among others. Dropped without [`Keeper::leave`], it is noticed as gone after the time to live.
#[derive(Debug)]
pub struct Keeper {
    id: WorkerId,
    store: Store,
    lost: CancellationToken,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Keeper {
    /// Joins under a fresh id. Letters are published through `queue` and `reply`; `name` is for people. The `store` should have
    /// connections of its own, so that signs of life need not wait behind work.
    pub async fn join(store: Store, name: &str, queue: Arc<dyn Queue>, reply: Arc<dyn Reply>, timing: Timing) -> Result<Self, TaskError> {
        let id = WorkerId::new();
        let unit = store.write().await?;
        unit.worker_sessions().start(&id, name).await?;
        unit.commit().await?;
        let (lost, stop) = (CancellationToken::new(), CancellationToken::new());
        let relay = Relay { store: store.clone(), worker: id.clone(), queue, reply, pause: timing.relay };
        let watch = Watch { store: store.clone(), worker: id.clone(), lost: lost.clone(), timing };
        let tasks = vec![tokio::spawn(relay.run(stop.clone())), tokio::spawn(watch.run(stop.clone()))];
        Ok(Self { id, store, lost, stop, tasks })
    }

    /// This process' id.
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// Cancelled when this process was declared gone: others have its work, and it must stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// Publishes what is left, and leaves: what this process holds may be taken up at once.
    pub async fn leave(self) -> Result<(), TaskError> {
        self.stop.cancel();
        for task in self.tasks {
            drop(task.await);
        }
        let unit = self.store.write().await?;
        unit.worker_sessions().end(&self.id).await?;
        Ok(unit.commit().await?)
    }
}

struct Watch {
    store: Store,
    worker: WorkerId,
    lost: CancellationToken,
    timing: Timing,
}

impl Watch {
    async fn run(self, stop: CancellationToken) {
        let mut observer = Observer::new(self.timing.ttl);
        while stop.run_until_cancelled(tokio::time::sleep(self.timing.beat)).await.is_some() {
            match self.beat(&mut observer).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::error!(worker.id = %self.worker, "this worker was declared gone, since it gave no sign of life; it stops");
                    return self.lost.cancel();
                }
                Err(error) => tracing::warn!(error = error.chain(), "no sign of life could be given"),
            }
        }
    }

    /// Tells that this worker lives, and takes up what the gone ones left. False if it is itself taken for gone.
    async fn beat(&self, observer: &mut Observer) -> Result<bool, TaskError> {
        let unit = self.store.write().await?;
        let lives = unit.worker_sessions().beat(&self.worker).await?;
        let live = unit.worker_sessions().live().await?;
        unit.commit().await?;
        for (gone, beat) in observer.look(SystemClock.monotonic(), &live) {
            self.declare_gone(&gone, beat).await?;
        }
        if lives {
            self.store.renew_claims(&self.worker).await;
            self.rescue().await?;
        }
        Ok(lives)
    }

    async fn declare_gone(&self, gone: &WorkerId, beat: i64) -> Result<(), TaskError> {
        let unit = self.store.write().await?;
        let declared = unit.worker_sessions().declare_gone(gone, beat).await?;
        unit.commit().await?;
        if declared {
            metrics::counter!("viva_workers_declared_gone_total").increment(1);
            tracing::warn!(worker.gone = %gone, ttl_ms = self.timing.ttl.as_millis() as u64, "a worker gave no sign of life and is taken for gone");
        }
        Ok(())
    }

    /// Takes up what workers that are gone were answerable for. Any number of workers may do so at once.
    async fn rescue(&self) -> Result<(), TaskError> {
        let unit = self.store.write().await?;
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
