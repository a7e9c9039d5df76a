//! Queue and replies inside one process: the default of `viva`, and the queue of the tests.
//!
//! Keeps RabbitMQ's manners: a consumer holds at most its prefetch, what a dropped consumer held is delivered again and
//! marked so, and a settlement after that is lost. Survives no restart.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, oneshot};
use viva_core::{Outcome, TaskMessage};

use crate::queue::{Consumer, Delivery, Error, Queue, Settle, Settled, Settlement};
use crate::reply::Reply;

/// A queue in memory. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    ready: VecDeque<Entry>,
    held: HashMap<u64, Held>,
    dead: Vec<DeadLetter>,
    last_id: u64,
}

#[derive(Debug)]
struct Entry {
    message: TaskMessage,
    /// Attempts that were begun and count.
    attempts: u32,
    redelivered: bool,
}

#[derive(Debug)]
struct Held {
    consumer: u64,
    entry: Entry,
}

/// A message that was set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The task.
    pub message: TaskMessage,
    /// Why.
    pub reason: String,
}

impl MemoryQueue {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    /// The messages that were set aside so far, oldest first.
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.0.lock().dead.clone()
    }

    /// Messages ready to be taken; held and delayed ones are not among them.
    pub fn ready(&self) -> usize {
        self.0.lock().ready.len()
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, entry: Entry) {
        self.lock().ready.push_back(entry);
        self.changed.notify_waiters();
    }
}

impl State {
    fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn held_by(&self, consumer: u64) -> usize {
        self.held.values().filter(|held| held.consumer == consumer).count()
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn publish(&self, message: TaskMessage) -> Result<(), Error> {
        self.0.push(Entry { message, attempts: 0, redelivered: false });
        Ok(())
    }

    async fn consume(&self, prefetch: NonZeroUsize) -> Result<Box<dyn Consumer>, Error> {
        let id = self.0.lock().fresh_id();
        Ok(Box::new(MemoryConsumer { queue: self.0.clone(), id, prefetch: prefetch.get(), stopped: false }))
    }
}

struct MemoryConsumer {
    queue: Arc<Inner>,
    id: u64,
    prefetch: usize,
    stopped: bool,
}

impl MemoryConsumer {
    fn take(&self) -> Option<Delivery> {
        let mut state = self.queue.lock();
        if state.held_by(self.id) >= self.prefetch {
            return None;
        }
        let mut entry = state.ready.pop_front()?;
        entry.attempts += 1;
        let (message, attempt, redelivered) = (entry.message.clone(), entry.attempts, entry.redelivered);
        let tag = state.fresh_id();
        state.held.insert(tag, Held { consumer: self.id, entry });
        drop(state);
        Some(Delivery::new(message, attempt, redelivered, Box::new(MemorySettler { queue: self.queue.clone(), tag })))
    }
}

#[async_trait]
impl Consumer for MemoryConsumer {
    async fn next(&mut self) -> Option<Delivery> {
        if self.stopped {
            return None;
        }
        loop {
            // Registered before looking, so that a message which arrives in between is not missed.
            let changed = self.queue.changed.notified();
            if let Some(delivery) = self.take() {
                return Some(delivery);
            }
            changed.await;
        }
    }

    async fn stop(&mut self) {
        self.stopped = true;
    }
}

impl Drop for MemoryConsumer {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        let mut lost: Vec<_> = state.held.extract_if(|_, held| held.consumer == self.id).collect();
        // Newest first to the front: the order of the queue is restored.
        lost.sort_unstable_by_key(|(tag, _)| std::cmp::Reverse(*tag));
        for (_, held) in lost {
            state.ready.push_front(Entry { redelivered: true, ..held.entry });
        }
        drop(state);
        self.queue.changed.notify_waiters();
    }
}

struct MemorySettler {
    queue: Arc<Inner>,
    tag: u64,
}

#[async_trait]
impl Settle for MemorySettler {
    async fn settle(self: Box<Self>, settlement: Settlement) -> Result<Settled, Error> {
        let mut state = self.queue.lock();
        let Some(Held { mut entry, .. }) = state.held.remove(&self.tag) else {
            return Ok(Settled::Lost);
        };
        match settlement {
            Settlement::Ack => {}
            Settlement::RetryAfter { delay, .. } => later(&self.queue, delay, entry),
            Settlement::DeadLetter { reason } => state.dead.push(DeadLetter { message: entry.message, reason }),
            Settlement::HandBack => {
                entry.attempts -= 1;
                state.ready.push_front(entry);
            }
        }
        drop(state);
        // A settlement makes room under the prefetch, too.
        self.queue.changed.notify_waiters();
        Ok(Settled::Done)
    }
}

/// Puts the entry back after the delay, unless the queue is gone by then.
fn later(queue: &Arc<Inner>, delay: Duration, entry: Entry) {
    let queue = Arc::downgrade(queue);
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        if let Some(queue) = queue.upgrade() {
            queue.push(entry);
        }
    });
}

/// Outcomes inside one process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryReplies(Arc<Mutex<HashMap<String, Vec<oneshot::Sender<Outcome>>>>>);

impl MemoryReplies {
    /// Nobody waits yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the outcome of a task. Call it before the task is published: an outcome that nobody waits for is dropped.
    pub fn expect(&self, task_id: &str) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        self.lock().entry(task_id.to_owned()).or_default().push(sender);
        receiver
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<oneshot::Sender<Outcome>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Reply for MemoryReplies {
    async fn deliver(&self, task: &TaskMessage, outcome: &Outcome) -> Result<(), Error> {
        let waiting = self.lock().remove(&task.id).unwrap_or_default();
        for asker in waiting {
            // An asker that has gone away needs no answer.
            drop(asker.send(outcome.clone()));
        }
        Ok(())
    }
}
