//! The outbox, published: each letter at least once, those of one task in order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;
use viva_core::TaskError;
use viva_core::claim::WorkerId;
use viva_core::store::{Letter, Posted, Store};

use crate::queue::{self, Queue};
use crate::reply::Reply;

/// Letters in one round.
const ROUND: u32 = 200;
/// Rounds that a leaving relay waits for others, behind whose letters its own stand: those of a task leave in order. What is left
/// after that is adopted.
const LAST_ROUNDS: u32 = 40;
/// Between two rounds when the broker or the database does not answer.
const TROUBLED: Duration = Duration::from_secs(1);

pub(crate) struct Relay {
    pub(crate) store: Store,
    pub(crate) worker: WorkerId,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) reply: Arc<dyn Reply>,
    pub(crate) pause: Duration,
}

impl Relay {
    /// Publishes until told to stop; what is in the outbox by then is still published.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let mut rounds = LAST_ROUNDS;
        loop {
            let leaving = stop.is_cancelled();
            let pause = match self.round().await {
                Ok(0) if leaving && (rounds == 0 || !self.holds_letters().await) => return,
                Ok(0) if leaving => {
                    rounds -= 1;
                    tokio::time::sleep(self.pause).await;
                    continue;
                }
                Ok(0) => self.pause,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(error = error.chain(), "the outbox could not be published; what is in it waits");
                    if leaving {
                        return;
                    }
                    TROUBLED
                }
            };
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Publishes what is due; how many letters that were. No unit of work is open while the broker is waited for. A crash
    /// before the removal publishes them again: whoever gets them knows them by their task's id.
    async fn round(&self) -> Result<usize, TaskError> {
        let unit = self.store.glance().await?;
        let due = unit.outbox().due(&self.worker, ROUND).await?;
        unit.rollback().await?;
        // Together: what takes long is to wait for the broker's word. They leave in the order in which they were written, since they
        // are polled in it: what is to be spoken first stands before what is voiced ahead.
        let ended = join_all(due.into_iter().map(|Posted { id, letter }| async move {
            let sent = publish(&*self.queue, &*self.reply, letter).await;
            sent.map(|()| id)
        }));
        let (mut published, mut failed) = (Vec::new(), None);
        for sent in ended.await {
            match sent {
                Ok(id) => published.push(id),
                Err(error) => failed = Some(error),
            }
        }
        if !published.is_empty() {
            let unit = self.store.write().await?;
            unit.outbox().remove(&published).await?;
            unit.commit().await?;
        }
        failed.map_or(Ok(published.len()), |error| Err(error.into()))
    }

    /// Whether a letter is left, as far as can be seen.
    async fn holds_letters(&self) -> bool {
        let look = async {
            let unit = self.store.glance().await?;
            let holds = unit.outbox().holds(&self.worker).await?;
            unit.rollback().await?;
            Ok::<_, TaskError>(holds)
        };
        look.await.unwrap_or_default()
    }
}

async fn publish(queue: &dyn Queue, reply: &dyn Reply, letter: Letter) -> Result<(), queue::Error> {
    match letter {
        Letter::Reply { to, outcome } => reply.deliver(&to, &outcome).await,
        Letter::Task { message } => queue.publish(message).await,
    }
}
