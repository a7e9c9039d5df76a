//! What this node has in its hands: the state that the consumer, the owner and remote control share.
//!
//! One lock, held for moments and never across an await: the control thread must get it while all else is busy.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lapin::{Acker, BasicProperties};

use super::cancel::Cancel;
use super::rate::Rate;
use super::revoked::Revoked;
use crate::clock::Instant;
use crate::message::{Task, TimeLimit};

/// How many tasks are remembered that were done.
const MAX_DONE: usize = 10_000;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for a place.
    Reserved,
    /// Waits for its time.
    Scheduled,
    /// With its owner, and not begun.
    Handed,
    /// Runs.
    Active,
}

impl Stage {
    /// Whether its owner has it.
    pub(crate) fn is_out(self) -> bool {
        matches!(self, Self::Handed | Self::Active)
    }
}

/// A message as it came, to be passed on as it is.
#[derive(Debug)]
pub(crate) struct Original {
    pub(crate) exchange: String,
    pub(crate) routing_key: String,
    pub(crate) redelivered: bool,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

impl Original {
    /// A message that came by no consumer.
    pub(crate) fn salvaged(properties: BasicProperties, body: Vec<u8>) -> Self {
        Self { exchange: String::new(), routing_key: String::new(), redelivered: true, properties, body }
    }
}

/// A delivery, from its arrival to its settlement.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) task: Arc<Task>,
    pub(crate) original: Arc<Original>,
    /// The queue it was taken from.
    pub(crate) queue: Arc<str>,
    /// The session it came in, which ends with its connection.
    pub(crate) session: u64,
    pub(crate) acker: Acker,
    pub(crate) stage: Stage,
    pub(crate) received: Instant,
    pub(crate) eta: Option<DateTime<Utc>>,
    pub(crate) started_s: Option<f64>,
    pub(crate) cancel: Arc<Cancel>,
}

/// The node's state.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) requests: BTreeMap<u64, Request>,
    next: u64,
    ready: VecDeque<u64>,
    /// How many may run at once, and how many do.
    pub(crate) places: usize,
    pub(crate) busy: usize,
    pub(crate) revoked: Revoked,
    pub(crate) totals: BTreeMap<String, u64>,
    pub(crate) processed: u64,
    pub(crate) rates: HashMap<String, Rate>,
    pub(crate) time_limits: BTreeMap<String, TimeLimit>,
    pub(crate) queues: Vec<String>,
    /// How many messages of each queue began to wait for their time since it has its consumer.
    held: HashMap<Arc<str>, u32>,
    /// The last ones that were done, and how often they had been tried.
    done: HashMap<String, Done>,
    done_order: VecDeque<String>,
}

/// Which run of a task. Another task may go on under the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Done {
    id: String,
    name: String,
    retries: u32,
}

impl Done {
    fn of(task: &Task) -> Self {
        Self { id: task.id.clone(), name: task.name.clone(), retries: task.retries }
    }
}

impl Desk {
    pub(crate) fn new(settings: &crate::Settings, rates: HashMap<String, Rate>) -> Self {
        Self {
            requests: BTreeMap::new(),
            next: 0,
            ready: VecDeque::new(),
            places: settings.concurrency.max(1),
            busy: 0,
            revoked: Revoked::default(),
            totals: BTreeMap::new(),
            processed: 0,
            rates,
            time_limits: settings.time_limits.clone(),
            queues: settings.queues.clone(),
            held: HashMap::new(),
            done: HashMap::new(),
            done_order: VecDeque::new(),
        }
    }

    /// Takes a delivery in; it is handed out once it is pushed. Not if its session ended meanwhile: it comes again.
    pub(crate) fn admit(&mut self, request: Request) -> Option<u64> {
        if !request.acker.usable() {
            return None;
        }
        self.next += 1;
        self.requests.insert(self.next, request);
        Some(self.next)
    }

    /// Lets a delivery be handed out. False if it is not here any more.
    pub(crate) fn push(&mut self, seq: u64) -> bool {
        let Some(request) = self.requests.get_mut(&seq) else { return false };
        request.stage = Stage::Reserved;
        self.ready.push_back(seq);
        true
    }

    /// The next delivery that may run, if there is a place; it then has the place.
    pub(crate) fn pop(&mut self) -> Option<(u64, Request)> {
        while self.busy < self.places {
            let seq = self.ready.pop_front()?;
            if let Some(request) = self.requests.get_mut(&seq) {
                request.stage = Stage::Handed;
                self.busy += 1;
                return Some((seq, request.clone()));
            }
        }
        None
    }

    /// Whether another delivery could be handed out at once.
    pub(crate) fn has_more(&self) -> bool {
        self.busy < self.places && !self.ready.is_empty()
    }

    /// A delivery that is settled, or is about to be.
    pub(crate) fn take(&mut self, seq: u64) -> Option<Request> {
        self.requests.remove(&seq)
    }

    /// All that wait here and do not run: to be handed back.
    pub(crate) fn take_waiting(&mut self) -> Vec<Request> {
        self.ready.clear();
        self.take_where(|_, request| !request.stage.is_out())
    }

    /// What waited here for a place for longer than `limit`.
    pub(crate) fn take_overdue(&mut self, limit: Duration) -> Vec<Request> {
        let waiting: Vec<u64> = self.ready.iter().copied().collect();
        let overdue = self.take_where(|seq, request| waiting.contains(&seq) && request.received.elapsed() > limit);
        self.ready.retain(|seq| self.requests.contains_key(seq));
        overdue
    }

    /// The session is over: the broker gives to somebody what it had sent in it. What runs goes on.
    pub(crate) fn lose(&mut self, session: u64) -> usize {
        let lost = self.take_where(|_, request| request.session == session && !request.stage.is_out()).len();
        self.ready.retain(|seq| self.requests.contains_key(seq));
        lost
    }

    /// One more message of the queue waits for its time. True once so many do that the queue needs a new consumer: what they
    /// take of a prefetch is lost to what could run.
    pub(crate) fn hold(&mut self, queue: &Arc<str>, prefetch: u16) -> bool {
        let held = self.held.entry(queue.clone()).or_default();
        *held += 1;
        let enough = 2 * *held >= u32::from(prefetch);
        if enough {
            *held = 0;
        }
        enough
    }

    /// A running task's own delivery, come again: it takes the place of the one that was lost.
    pub(crate) fn adopt(&mut self, task: &Task, acker: &Acker, session: u64) -> bool {
        let same = |request: &&mut Request| request.stage.is_out() && Done::of(&request.task) == Done::of(task);
        // A session follows only when the one before is over, whether or not the library has noticed.
        let lost = |request: &&mut Request| request.session != session || !request.acker.usable();
        match self.requests.values_mut().find(|request| same(request) && lost(request)) {
            Some(request) => {
                request.acker = acker.clone();
                request.session = session;
                true
            }
            None => false,
        }
    }

    /// The task is done. If its delivery comes again, because its acknowledgement was written to a connection that died, it
    /// is not to run again.
    pub(crate) fn remember_done(&mut self, task: &Task) {
        if self.done.insert(task.id.clone(), Done::of(task)).is_none() {
            self.done_order.push_back(task.id.clone());
        }
        if self.done_order.len() > MAX_DONE
            && let Some(oldest) = self.done_order.pop_front()
        {
            self.done.remove(&oldest);
        }
    }

    pub(crate) fn was_done(&self, task: &Task) -> bool {
        self.done.get(&task.id) == Some(&Done::of(task))
    }

    pub(crate) fn count(&self, stage: Stage) -> usize {
        self.requests.values().filter(|request| request.stage == stage).count()
    }

    fn take_where(&mut self, which: impl Fn(u64, &Request) -> bool) -> Vec<Request> {
        let seqs: Vec<u64> = self.requests.iter().filter(|&(&seq, request)| which(seq, request)).map(|(&seq, _)| seq).collect();
        seqs.iter().filter_map(|seq| self.requests.remove(seq)).collect()
    }
}
