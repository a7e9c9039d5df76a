//! One worker, as Celery sees it.

mod cancel;
mod delivery;
mod desk;
mod intake;
mod rate;
mod revoked;
mod session;
mod shared;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::broker::ANSWER_WITHIN;
use crate::clock::Instant;
use crate::events::{Events, Lamport};
use crate::heart::Heart;
use crate::{Error, Replies, Settings};

pub use cancel::CancelReason;
pub use delivery::Delivery;
pub(crate) use desk::{Original, Request, Stage};
pub(crate) use rate::Rate;
pub(crate) use revoked::many;
pub(crate) use session::Order;
pub use shared::Settled;
pub(crate) use shared::Shared;

/// A worker: takes tasks, hands out those that are due, answers remote control, and shows that it lives.
///
/// Dropping it ends its connections: the broker gives to others what it held.
#[derive(Debug)]
pub struct Node {
    shared: Arc<Shared>,
    /// Until it has left.
    limbs: Mutex<Option<Limbs>>,
}

/// What runs beside the owner.
#[derive(Debug)]
struct Limbs {
    heart: Heart,
    /// Dropping it ends the session.
    close: DropGuard,
    session: JoinHandle<()>,
}

/// How a node left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// Deliveries that were handed back because they had not begun.
    pub handed_back: usize,
    /// Deliveries that were still running when the deadline passed, and were told to stop.
    pub stopped: usize,
}

impl Node {
    /// Starts a worker on the current tokio runtime. Returns at once: where no broker answers, it is tried for ever.
    pub fn start(settings: Settings) -> Result<Self, Error> {
        let (name, host) = settings.node_name.split_once('@').unwrap_or_default();
        if name.is_empty() || host.is_empty() {
            let reason = "write name@host, such as tts@machine-1".to_owned();
            return Err(Error::Setting { setting: "node name", value: settings.node_name, reason });
        }
        let lamport = Arc::new(Lamport::default());
        let (events, told) = Events::new(&settings, lamport.clone());
        let (orders, obeyed) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared::new(settings, events, lamport, orders)?);
        let close = CancellationToken::new();
        let session = tokio::spawn(session::run(shared.clone(), obeyed, close.clone()));
        let heart = Heart::start(shared.clone(), told)?;
        Ok(Self { shared, limbs: Mutex::new(Some(Limbs { heart, close: close.drop_guard(), session })) })
    }

    /// The next delivery that may run, when there is a place for it; `None` once the node leaves.
    ///
    /// May be cancelled: no delivery is lost by it.
    pub async fn next(&self) -> Option<Delivery> {
        loop {
            let ready = self.shared.ready.notified();
            if self.shared.stopping.is_cancelled() {
                return None;
            }
            if let Some(delivery) = self.pop() {
                return Some(delivery);
            }
            tokio::select! {
                () = ready => {}
                () = self.shared.stopping.cancelled() => return None,
            }
        }
    }

    /// Answers tasks whose envelope was kept.
    pub fn replies(&self) -> Replies {
        self.shared.replies.clone()
    }

    /// Cancelled when remote control asks this worker to leave; leaving is the owner's to do.
    pub fn shutdown_asked(&self) -> CancellationToken {
        self.shared.shutdown_asked.clone()
    }

    /// Whether it takes messages at the moment.
    pub fn is_consuming(&self) -> bool {
        self.shared.consuming.load(Ordering::Relaxed)
    }

    /// Stops heartbeats, or lets them go on: an owner whose engine hangs must not look alive. Remote control answers either way.
    pub fn hold_heartbeats(&self, held: bool) {
        self.shared.held_still.store(held, Ordering::Relaxed);
    }

    /// The first half of leaving: takes nothing more, and hands back what has not begun. How many deliveries that were.
    /// What runs goes on, and [`Replies`] work on.
    pub async fn stop(&self) -> usize {
        self.shared.stopping.cancel();
        let (stopped, told) = oneshot::channel();
        if self.is_consuming() && self.shared.orders.send(Order::Stop(stopped)).is_ok() {
            tokio::time::timeout(ANSWER_WITHIN, told).await.ok();
        }
        let waiting = self.shared.desk().take_waiting();
        for request in &waiting {
            self.shared.hand_back(&request.acker).await;
        }
        waiting.len()
    }

    /// Leaves warmly: takes nothing more, hands back what has not begun, lets run what runs until `deadline`, then tells it
    /// to stop and waits `grace` for it; says goodbye. Nothing works after it.
    pub async fn shutdown(&self, deadline: Duration, grace: Duration) -> Left {
        let mut left = Left { handed_back: self.stop().await, stopped: 0 };
        if !self.idle_within(deadline).await {
            let running: Vec<_> = self.shared.desk().requests.values().map(|request| request.cancel.clone()).collect();
            left.stopped = running.len();
            for cancel in running {
                cancel.cancel(CancelReason::Shutdown);
            }
            self.idle_within(grace).await;
        }
        self.shared.errands.close();
        tokio::time::timeout(ANSWER_WITHIN, self.shared.errands.wait()).await.ok();
        self.shared.send_acks();
        let limbs = self.limbs.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Limbs { heart, close, session }) = limbs {
            heart.stop().await;
            drop(close);
            session.await.ok();
        }
        self.shared.replies.close().await;
        left
    }

    /// True once nothing runs.
    async fn idle_within(&self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        loop {
            let settled = self.shared.ready.notified();
            if self.shared.desk().busy == 0 {
                return true;
            }
            // Somebody who still asks for deliveries may get the word in our place.
            let look = (Instant::now() + Duration::from_millis(100)).min(until);
            if tokio::time::timeout_at(look, settled).await.is_err() && Instant::now() >= until {
                return false;
            }
        }
    }

    fn pop(&self) -> Option<Delivery> {
        loop {
            let (seq, request) = {
                let mut desk = self.shared.desk();
                let popped = desk.pop()?;
                if desk.has_more() {
                    // One wake-up may stand for several deliveries.
                    self.shared.ready.notify_one();
                }
                popped
            };
            // It may have waited long enough to be called back.
            match intake::called_back(&self.shared, &request.task) {
                None => return Some(Delivery::new(self.shared.clone(), seq, request)),
                Some(why) => {
                    let mut desk = self.shared.desk();
                    desk.busy = desk.busy.saturating_sub(1);
                    let taken = desk.take(seq);
                    drop(desk);
                    if let Some(request) = taken {
                        intake::run(&self.shared, request, intake::Errand::Revoke(why));
                    }
                }
            }
        }
    }
}
