//! Who watches what, told when there is news.
//!
//! One look into the database for all who watch, every [`PERIOD`] and at once when a unit of work of this process told something.
//! News are numbered without gaps in their topic, so a look that comes late, or fails, loses nothing: whoever watches reads on
//! from the last number it has seen. No broker is needed for it, and none that is away delays it.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use viva_core::store::{self, Store, Topic};

/// Between two looks: the most that news from another process wait.
const PERIOD: Duration = Duration::from_millis(200);
/// The same while the database is away.
const TROUBLED: Duration = Duration::from_secs(1);

/// Topics that somebody watches, with the newest number that is known.
#[derive(Debug)]
pub(crate) struct Hub {
    store: Store,
    topics: Mutex<HashMap<String, watch::Sender<i64>>>,
}

impl Hub {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, topics: Mutex::default() }
    }

    /// The newest number of a topic, from now on. It begins at what was known last, which may be too little for one period.
    pub(crate) fn watch(&self, topic: &Topic) -> watch::Receiver<i64> {
        let mut topics = self.lock();
        topics.entry(topic.to_string()).or_insert_with(|| watch::Sender::new(0)).subscribe()
    }

    /// Looks until told to stop.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let bell = self.store.bell();
        loop {
            let rung = bell.notified();
            let pause = match self.look().await {
                Ok(()) => PERIOD,
                Err(error) => {
                    tracing::warn!(%error, "the database cannot be asked for news; whoever watches waits");
                    TROUBLED
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = rung => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look(&self) -> Result<(), store::Error> {
        let watched: Vec<String> = {
            let mut topics = self.lock();
            topics.retain(|_, sender| sender.receiver_count() > 0);
            topics.keys().cloned().collect()
        };
        if watched.is_empty() {
            return Ok(());
        }
        let unit = self.store.glance().await?;
        let heads = unit.events().heads(&watched).await?;
        unit.rollback().await?;
        let topics = self.lock();
        for (topic, head) in heads {
            if let Some(sender) = topics.get(&topic) {
                sender.send_if_modified(|known| std::mem::replace(known, head) != head);
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, watch::Sender<i64>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
