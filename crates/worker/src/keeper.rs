//! A worker process among others: it tells that it lives, notices who does not, and takes up what they left.
//!
//! Owns the process' row among the worker sessions, the thread that looks after it ([`crate::liveness`]), and its relay. Promises
//! that a claim whose holder is gone gets another holder, that what the gone one had to publish is published, and that a process
//! which was declared gone, or whose work hangs, learns of it and is told to stop. Judges by counters, locks and its own
//! monotonic clock only.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use viva_core::TaskError;
use viva_core::claim::WorkerId;
use viva_core::liveness::Rhythm;
use viva_core::store::Store;

use crate::liveness::heart::{Beating, Heart};
use crate::liveness::{Progress, Trust};
use crate::queue::Queue;
use crate::relay::Relay;
use crate::reply::Reply;

/// How often a worker tells that it lives, and how long it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Between two signs of life.
    pub beat: Duration,
    /// A counter that stands for this long belongs to a worker that is gone. Many beats: a slow database kills nobody.
    pub ttl: Duration,
    /// Between two looks into the outbox, when nothing is in it.
    pub relay: Duration,
    /// What becomes of this process when its work hangs.
    pub hung: Hung,
}

/// What becomes of a process whose work hangs, after it has given up its claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hung {
    /// It ends, with exit code 70: nothing else ends a thread. Whoever started it starts it again.
    #[default]
    EndProcess,
    /// [`Keeper::lost`] is told, no more.
    Tell,
}

/// Beats and a time to live that do not fit together.
#[derive(Debug, thiserror::Error)]
#[error(
    "a time to live of {ttl_ms} ms is too short for a beat of {beat_ms} ms: it must be {} beats at least, and a beat 10 ms",
    Timing::BEATS
)]
pub struct BadTiming {
    /// Between two signs of life.
    pub beat_ms: u64,
    /// How long a worker is believed.
    pub ttl_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        let (beat, ttl) = (Duration::from_secs(1), Duration::from_secs(20));
        Self { beat, ttl, relay: Duration::from_millis(50), hung: Hung::default() }
    }
}

impl Timing {
    /// Beats in a time to live, at the least.
    const BEATS: u64 = 6;

    /// The usual timing with another beat and time to live; refuses a pair under which a few lost beats would kill a worker.
    pub fn new(beat_ms: u64, ttl_ms: u64) -> Result<Self, BadTiming> {
        if beat_ms < 10 || ttl_ms / Self::BEATS < beat_ms {
            return Err(BadTiming { beat_ms, ttl_ms });
        }
        Ok(Self { beat: Duration::from_millis(beat_ms), ttl: Duration::from_millis(ttl_ms), ..Self::default() })
    }

    /// As the others are told.
    pub fn rhythm(&self) -> Rhythm {
        Rhythm { beat: self.beat, ttl: self.ttl }
    }

    /// How long a sign of life, or a look, may take before its connection counts as broken: several of them fit into the time
    /// for which this worker trusts itself.
    pub(crate) fn patience(&self) -> Duration {
        self.ttl / 10
    }
}

/// A running process among others. Dropped without [`Keeper::leave`], it is noticed as if it had been killed.
#[derive(Debug)]
pub struct Keeper {
    id: WorkerId,
    lost: CancellationToken,
    trust: Trust,
    progress: Progress,
    beating: Beating,
    relay: JoinHandle<()>,
    stop: DropGuard,
}

impl Keeper {
    /// Joins under a fresh id. Letters are published through `queue` and `reply`; `name` is for people. The signs of life have a
    /// thread and connections of their own; the `store` is the relay's.
    pub async fn join(store: Store, name: &str, queue: Arc<dyn Queue>, reply: Arc<dyn Reply>, timing: Timing) -> Result<Self, TaskError> {
        let (id, lost, stop) = (WorkerId::new(), CancellationToken::new(), CancellationToken::new());
        let (trust, progress) = (Trust::new(timing.rhythm(), lost.clone()), Progress::new());
        let heart = Heart {
            store: store.clone(),
            worker: id.clone(),
            name: name.to_owned(),
            timing,
            progress: progress.clone(),
            trust: trust.clone(),
            lost: lost.clone(),
        };
        let beating = heart.start().await?;
        let relay = Relay { store, worker: id.clone(), queue, reply, pause: timing.relay };
        let relay = tokio::spawn(relay.run(stop.clone()));
        Ok(Self { id, lost, trust, progress, beating, relay, stop: stop.drop_guard() })
    }

    /// This process' id.
    pub fn id(&self) -> &WorkerId {
        &self.id
    }

    /// Cancelled when this process was declared gone, or hangs: others have its work, and it must stop.
    pub fn lost(&self) -> &CancellationToken {
        &self.lost
    }

    /// How far this process may trust that it is taken for alive.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// Where work tells that it moves.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Publishes what is left, and leaves: what this process holds may be taken up at once.
    pub async fn leave(self) -> Result<(), TaskError> {
        self.stop.disarm().cancel();
        // Signs of life go on until the last letter is out.
        drop(self.relay.await);
        self.beating.leave().await
    }
}
