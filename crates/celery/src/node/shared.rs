use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::desk::{Desk, Request};
use super::rate::Rate;
use super::session::Order;
use crate::broker::Brokers;
use crate::clock::Instant;
use crate::events::{Events, Lamport};
use crate::message::Task;
use crate::{Envelope, Error, Replies, Settings};

/// What all parts of a node share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) lamport: Arc<Lamport>,
    pub(crate) events: Events,
    pub(crate) replies: Replies,
    desk: Mutex<Desk>,
    /// A delivery became ready, or a place free.
    pub(crate) ready: Notify,
    /// A rate limit changed.
    pub(crate) rates_changed: Notify,
    /// To the session.
    pub(crate) orders: mpsc::UnboundedSender<Order>,
    /// Nothing new is taken or handed out.
    pub(crate) stopping: CancellationToken,
    /// Somebody asked this node to leave.
    pub(crate) shutdown_asked: CancellationToken,
    pub(crate) consuming: AtomicBool,
    /// No heartbeats: its owner says that it hangs.
    pub(crate) held_still: AtomicBool,
    /// Where the owner's tasks run; the control thread has a runtime of its own.
    pub(crate) runtime: Handle,
    /// What goes on beside the owner's tasks and must end before the node leaves.
    pub(crate) errands: TaskTracker,
    pub(crate) started: Instant,
}

/// Whether the broker heard it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It was told, on a connection that lived.
    Done,
    /// The delivery's session was over by then: the message comes again, to this node or to another. If it comes to this
    /// one, it is settled then as it would have been now, and is not handed out again.
    Lost,
}

impl Shared {
    pub(crate) fn new(
        settings: Settings,
        events: Events,
        lamport: Arc<Lamport>,
        orders: mpsc::UnboundedSender<Order>,
    ) -> Result<Self, Error> {
        let brokers = Arc::new(Brokers::parse(&settings.broker_url)?);
        let replies = Replies::over(&settings, brokers.clone(), Some(events.clone()))?;
        let rates = rates(&settings)?;
        Ok(Self {
            desk: Mutex::new(Desk::new(&settings, rates)),
            brokers,
            lamport,
            events,
            replies,
            ready: Notify::new(),
            rates_changed: Notify::new(),
            orders,
            stopping: CancellationToken::new(),
            shutdown_asked: CancellationToken::new(),
            consuming: AtomicBool::new(false),
            held_still: AtomicBool::new(false),
            runtime: Handle::current(),
            errands: TaskTracker::new(),
            started: Instant::now(),
            settings,
        })
    }

    pub(crate) fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn envelope(&self, task: &Task, queue: &str) -> Envelope {
        Envelope::of(task, queue, self.settings.result_extended)
    }

    pub(crate) fn knows(&self, task: &str) -> bool {
        self.settings.tasks.iter().any(|known| known == task)
    }

    /// Acknowledges a delivery. The task is remembered: lapin is content once the acknowledgement is written, and the broker
    /// may not have read it when the connection dies.
    pub(crate) fn ack(&self, request: &Request) -> Settled {
        self.desk().remember_done(&request.task);
        // On its way once it was polled. To wait until it is written costs a switch of threads for each task, and proves
        // nothing: only the broker knows whether it read it.
        let ack = std::pin::pin!(request.acker.ack(BasicAckOptions::default()));
        match ack.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending | Poll::Ready(Ok(true)) => Settled::Done,
            Poll::Ready(lost) => {
                tracing::info!(task.id = request.task.id, ?lost, "the delivery was lost before it was acknowledged");
                Settled::Lost
            }
        }
    }

    /// Gives a delivery to whoever takes it next.
    pub(crate) async fn hand_back(&self, acker: &Acker) -> Settled {
        nack(acker, true).await
    }

    /// Gives a delivery up: a policy of the queue may dead-letter it.
    pub(crate) async fn reject(&self, acker: &Acker) -> Settled {
        nack(acker, false).await
    }

    pub(crate) fn set_consuming(&self, consuming: bool) {
        self.consuming.store(consuming, Ordering::Relaxed);
    }
}

async fn nack(acker: &Acker, requeue: bool) -> Settled {
    match acker.nack(BasicNackOptions { multiple: false, requeue }).await {
        Ok(true) => Settled::Done,
        Ok(false) | Err(_) => Settled::Lost,
    }
}

fn rates(settings: &Settings) -> Result<HashMap<String, Rate>, Error> {
    let mut rates = HashMap::new();
    for (task, text) in &settings.rate_limits {
        let rate = Rate::parse(text).map_err(|reason| Error::Setting { setting: "rate limit", value: text.clone(), reason })?;
        rates.extend(rate.map(|rate| (task.clone(), rate)));
    }
    Ok(rates)
}
