use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lapin::Acker;
use lapin::options::{BasicAckOptions, BasicNackOptions};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::desk::{Desk, Request};
use super::rate::Rate;
use super::session::Order;
use crate::broker::{ANSWER_WITHIN, Brokers};
use crate::clock::Instant;
use crate::events::{Events, Lamport};
use crate::message::Task;
use crate::{Envelope, Error, Replies, Settings};

/// How long an acknowledgement waits for others.
const GATHER: Duration = Duration::from_millis(2);

/// What all parts of a node share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) brokers: Arc<Brokers>,
    pub(crate) lamport: Arc<Lamport>,
    pub(crate) events: Events,
    pub(crate) replies: Replies,
    desk: Mutex<Desk>,
    /// Deliveries to acknowledge, in a moment.
    acks: Mutex<Vec<Acker>>,
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
            acks: Mutex::default(),
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

    /// Acknowledges a delivery whose task is done. It is remembered: lapin is content once the acknowledgement is written, and
    /// the broker may not have read it when the connection dies.
    pub(crate) fn ack(self: &Arc<Self>, request: &Request) -> Settled {
        self.desk().remember_done(&request.task);
        self.ack_unremembered(request)
    }

    /// Acknowledges a delivery whose task goes on elsewhere.
    ///
    /// Acknowledgements leave together where that lets nobody wait: half a prefetch of them, or all there are after a moment,
    /// or at once when nothing else is here. One by one each costs two switches of threads here, and brings one delivery.
    pub(crate) fn ack_unremembered(self: &Arc<Self>, request: &Request) -> Settled {
        let (idle, prefetch) = {
            let desk = self.desk();
            (desk.requests.is_empty(), usize::from(self.settings.prefetch_for(desk.places)))
        };
        if !request.acker.usable() {
            tracing::info!(task.id = request.task.id, "the delivery was lost before it was acknowledged");
            return Settled::Lost;
        }
        let waiting = {
            let mut acks = self.acks();
            acks.push(request.acker.clone());
            acks.len()
        };
        if idle || 2 * waiting >= prefetch {
            self.send_acks();
        } else if waiting == 1 {
            let owned = self.clone();
            let later = async move {
                tokio::time::sleep(GATHER).await;
                owned.send_acks();
            };
            drop(self.errands.spawn_on(later, &self.runtime));
        }
        Settled::Done
    }

    /// They are on their way once they were polled. To wait until they are written proves nothing: only the broker knows
    /// whether it read them.
    pub(crate) fn send_acks(&self) {
        let acks = std::mem::take(&mut *self.acks());
        for acker in &acks {
            let ack = std::pin::pin!(acker.ack(BasicAckOptions::default()));
            match ack.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending | Poll::Ready(Ok(true)) => {}
                Poll::Ready(lost) => tracing::info!(?lost, "a delivery was lost before it was acknowledged"),
            }
        }
    }

    fn acks(&self) -> MutexGuard<'_, Vec<Acker>> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
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
    let nack = acker.nack(BasicNackOptions { multiple: false, requeue });
    match tokio::time::timeout(ANSWER_WITHIN, nack).await {
        Ok(Ok(true)) => Settled::Done,
        Ok(Ok(false) | Err(_)) | Err(_) => Settled::Lost,
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
