//! The loop: up to N deliveries at once, each run, answered and settled; then the drain.
//!
//! A handler's panic ends its own task and nothing else. When the token is cancelled the loop takes nothing new, lets what
//! runs finish until the deadline, then asks it to stop, and hands back what did not end.

mod job;

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use viva_core::retry;

use crate::handler::Handler;
use crate::queue::{Consumer, Error, Queue};
use crate::reply::Reply;
use job::{Desk, Ending};

/// A worker's runtime, before it runs.
pub struct Runtime {
    queue: Arc<dyn Queue>,
    desk: Desk,
    concurrency: NonZeroUsize,
    drain: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Deliveries settled because their task was over or will be tried again.
    pub settled: u64,
    /// Deliveries that went back to the queue unfinished, or that the broker took away.
    pub handed_back: u64,
}

impl Runtime {
    /// A runtime over `queue` that answers through `reply`: one task at a time, the default retry policy, and 30 seconds to
    /// finish what runs at the end.
    pub fn new(queue: Arc<dyn Queue>, reply: Arc<dyn Reply>) -> Self {
        let desk = Desk { reply, handlers: HashMap::new(), policy: retry::Policy::default() };
        Self { queue, desk, concurrency: NonZeroUsize::MIN, drain: Duration::from_secs(30) }
    }

    /// Registers the handler of a task name. The last one registered for a name counts.
    #[must_use]
    pub fn handler(mut self, task: &'static str, handler: Arc<dyn Handler>) -> Self {
        self.desk.handlers.insert(task, handler);
        self
    }

    /// How many tasks run at once, which is also how many deliveries are held.
    #[must_use]
    pub fn concurrency(mut self, tasks: NonZeroUsize) -> Self {
        self.concurrency = tasks;
        self
    }

    /// How failures are retried.
    #[must_use]
    pub fn retry(mut self, policy: retry::Policy) -> Self {
        self.desk.policy = policy;
        self
    }

    /// How long running tasks may go on after the shutdown began.
    #[must_use]
    pub fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.drain = deadline;
        self
    }

    /// Runs until `shutdown` is cancelled or the broker ends the consumer, then drains.
    pub async fn run(self, shutdown: CancellationToken) -> Result<Drained, Error> {
        let mut consumer = self.queue.consume(self.concurrency).await?;
        let desk = Arc::new(self.desk);
        let stop = CancellationToken::new();
        let mut jobs = JoinSet::new();
        let mut drained = Drained::default();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                // The consumer holds back what would be too much.
                delivery = consumer.next() => match delivery {
                    Some(delivery) => drop(jobs.spawn(desk.clone().work(delivery, stop.child_token()))),
                    None => break,
                },
                Some(ended) = jobs.join_next() => drained.count(ended),
            }
        }
        drain(consumer, jobs, stop, self.drain, &mut drained).await;
        Ok(drained)
    }
}

/// Lets `jobs` finish until `deadline`, then stops them. The consumer lives until the last one has settled.
async fn drain(
    mut consumer: Box<dyn Consumer>,
    mut jobs: JoinSet<Ending>,
    stop: CancellationToken,
    deadline: Duration,
    drained: &mut Drained,
) {
    consumer.stop().await;
    tracing::info!(jobs.running = jobs.len(), deadline_ms = deadline.as_millis() as u64, "draining");
    let finish = async {
        while let Some(ended) = jobs.join_next().await {
            drained.count(ended);
        }
    };
    if tokio::time::timeout(deadline, finish).await.is_err() {
        tracing::warn!(jobs.running = jobs.len(), "the deadline passed; running tasks are stopped and handed back");
        stop.cancel();
        while let Some(ended) = jobs.join_next().await {
            drained.count(ended);
        }
    }
}

impl Drained {
    fn count(&mut self, ended: Result<Ending, tokio::task::JoinError>) {
        match ended.expect("jobs catch their handlers' panics and are never aborted; this is a bug") {
            Ending::Settled => self.settled += 1,
            Ending::HandedBack => self.handed_back += 1,
        }
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("desk", &self.desk).field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}
