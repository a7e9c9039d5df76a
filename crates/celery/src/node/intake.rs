//! A delivery arrives: what is it, and may it run now?

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lapin::message::Delivery as Arrived;
use serde_json::Value;

use super::cancel::Cancel;
use super::desk::{Original, Request, Stage};
use super::rate::Rate;
use super::session::Order;
use super::shared::{Settled, Shared};
use crate::clock::{self, Instant};
use crate::message::{DELAY_MS, Fault, Incoming, Task, addressee, take, unchanged};
use crate::replies::Revocation;
use crate::{Envelope, Error, Exception, Unknown, dead};

/// How long messages wait on the broker that this node has no room to hold.
const PARKED: Duration = Duration::from_mins(1);
/// How often a held message looks at the wall clock, which may be set.
const LOOK: Duration = Duration::from_secs(30);

/// Takes a delivery in. Returns at once: what needs the broker goes on beside.
pub(crate) fn intake(shared: &Arc<Shared>, session: u64, queue: &Arc<str>, arrived: Arrived) {
    let Arrived { exchange, routing_key, redelivered, properties, data, acker, .. } = arrived;
    let mut message = Incoming::new(&properties, data);
    let read = take(&mut message, shared.settings.max_body_bytes);
    let body = std::mem::take(&mut message.body);
    let original =
        Arc::new(Original { exchange: exchange.to_string(), routing_key: routing_key.to_string(), redelivered, properties, body });
    let task = match read {
        Ok(task) => Arc::new(task),
        Err(fault) => {
            let (owned, queue) = (shared.clone(), queue.clone());
            let errand = async move {
                if let Err(error) = refuse(&owned, &queue, &message, &original, &fault).await {
                    tracing::error!(%error, %fault, "a message that cannot be read goes back");
                    owned.hand_back(&acker).await;
                } else if acker.ack(lapin::options::BasicAckOptions::default()).await.ok() != Some(true) {
                    tracing::info!(%fault, "the delivery was lost; the message will be refused again");
                }
            };
            return drop(shared.errands.spawn_on(errand, &shared.runtime));
        }
    };
    let request = Request {
        eta: not_before(&task),
        task,
        original,
        queue: queue.clone(),
        session,
        acker,
        stage: Stage::Reserved,
        received: Instant::now(),
        started_s: None,
        cancel: Arc::new(Cancel::default()),
    };
    sort(shared, request);
}

/// Decides what becomes of a task that may have been here before.
fn sort(shared: &Arc<Shared>, request: Request) {
    if !request.original.redelivered {
        return place(shared, request);
    }
    let mut desk = shared.desk();
    if desk.adopt(&request.task, &request.acker, request.session) {
        return tracing::info!(task.id = request.task.id, "a running task has its delivery again");
    }
    let done = desk.was_done(&request.task);
    drop(desk);
    if done {
        run(shared, request, Errand::Acknowledge);
    } else if shared.replies.results().remember() {
        // Whoever had it may have kept its result, and lost its delivery after that.
        let owned = shared.clone();
        let look = async move {
            let done = owned.replies.results().is_done(&request.task.id).await;
            match done {
                Ok(true) => run(&owned, request, Errand::Acknowledge),
                Ok(false) => place(&owned, request),
                Err(error) => {
                    tracing::warn!(%error, task.id = request.task.id, "whether it was done is not known; it goes back");
                    owned.hand_back(&request.acker).await;
                }
            }
        };
        drop(shared.errands.spawn_on(look, &shared.runtime));
    } else {
        place(shared, request);
    }
}

/// Decides what becomes of a task that is new here.
fn place(shared: &Arc<Shared>, request: Request) {
    if !shared.knows(&request.task.name) && shared.settings.unknown != Unknown::Deliver {
        return run(shared, request, Errand::Unknown);
    }
    if let Some(why) = called_back(shared, &request.task) {
        return run(shared, request, Errand::Revoke(why));
    }
    announce(shared, &request.task);
    match request.eta {
        Some(_) if shared.desk().count(Stage::Scheduled) >= shared.settings.scheduled_max => run(shared, request, Errand::Park),
        Some(eta) => schedule(shared, request, eta),
        None => {
            let admitted = shared.desk().admit(request);
            if let Some(seq) = admitted {
                make_ready(shared, seq);
            }
        }
    }
}

/// Holds a task until its time.
fn schedule(shared: &Arc<Shared>, request: Request, eta: DateTime<Utc>) {
    let (received, queue) = (request.received, request.queue.clone());
    let mut desk = shared.desk();
    let Some(seq) = desk.admit(Request { stage: Stage::Scheduled, ..request }) else { return };
    let prefetch = shared.settings.prefetch_for(desk.places);
    if desk.hold(&queue, prefetch) && shared.orders.send(Order::Renew(queue)).is_err() {
        tracing::debug!("the session is over");
    }
    drop(desk);
    drop(shared.runtime.spawn(hold(shared.clone(), seq, eta, received)));
}

/// Whether the task is not to run, and why.
pub(crate) fn called_back(shared: &Shared, task: &Task) -> Option<Revocation> {
    if task.expires.is_some_and(|expires| expires <= clock::wall()) {
        return Some(Revocation::Expired);
    }
    let desk = shared.desk();
    (desk.revoked.contains(&task.id) || desk.revoked.has_stamp(&task.stamps)).then_some(Revocation::Revoked)
}

/// Hands a task out, or lets it wait for its turn where its type has a rate.
pub(crate) fn make_ready(shared: &Arc<Shared>, seq: u64) {
    let mut desk = shared.desk();
    let Some(name) = desk.requests.get(&seq).map(|request| request.task.name.clone()) else { return };
    if desk.rates.contains_key(&name) {
        drop(desk);
        return drop(shared.runtime.spawn(wait_turn(shared.clone(), seq, name)));
    }
    if desk.push(seq) {
        drop(desk);
        shared.ready.notify_one();
    }
}

async fn wait_turn(shared: Arc<Shared>, seq: u64, name: String) {
    loop {
        let changed = shared.rates_changed.notified();
        let at = shared.desk().rates.get_mut(&name).map_or_else(Instant::now, Rate::take);
        tokio::select! {
            () = tokio::time::sleep_until(at) => break,
            () = changed => {}
            () = shared.stopping.cancelled() => return,
        }
    }
    if shared.desk().push(seq) {
        shared.ready.notify_one();
    }
}

/// When the task may run, by this worker's clock. A worker that has it tried again says how long it is to wait, which means the
/// same under every clock; of a producer's own time only its word is known.
fn not_before(task: &Task) -> Option<DateTime<Utc>> {
    let now = clock::wall();
    let delay_ms = task.headers.get(DELAY_MS).and_then(Value::as_i64);
    let eta = delay_ms.map_or(task.eta, |delay_ms| now.checked_add_signed(TimeDelta::milliseconds(delay_ms)));
    eta.filter(|eta| *eta > now)
}

/// Holds a task until its time, and no longer than that was away when it came: a clock that jumps back holds nobody up. Not past
/// half of the consumer timeout: then it goes to the end of its queue, as new.
async fn hold(shared: Arc<Shared>, seq: u64, eta: DateTime<Utc>, received: Instant) {
    let give_up = received + shared.settings.consumer_timeout / 2;
    let due = Instant::now() + (eta - clock::wall()).to_std().unwrap_or_default();
    while let Ok(left) = (eta - clock::wall()).to_std() {
        let left = left.min(due.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            break;
        }
        if Instant::now() >= give_up {
            let taken = shared.desk().take(seq);
            if let Some(request) = taken {
                run(&shared, request, Errand::GoRound);
            }
            return;
        }
        let wake = (Instant::now() + left.min(LOOK)).min(give_up);
        tokio::select! {
            () = tokio::time::sleep_until(wake) => {}
            () = shared.stopping.cancelled() => return,
        }
        if !shared.desk().requests.contains_key(&seq) {
            return;
        }
    }
    make_ready(&shared, seq);
}

/// What is done about a delivery that is not handed out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Errand {
    /// It was done before.
    Acknowledge,
    /// It is somebody else's.
    Unknown,
    /// It was called back.
    Revoke(Revocation),
    /// It waits on the broker: there is no room here.
    Park,
    /// It goes to the end of its queue: it was held as long as it may be.
    GoRound,
}

/// Runs an errand beside all else. Where it cannot be done the delivery goes back.
pub(crate) fn run(shared: &Arc<Shared>, request: Request, errand: Errand) {
    let owned = shared.clone();
    let run = async move {
        if let Err(error) = owned.do_errand(&request, errand).await {
            tracing::error!(%error, task.id = request.task.id, ?errand, "the message goes back");
            owned.hand_back(&request.acker).await;
        }
    };
    drop(shared.errands.spawn_on(run, &shared.runtime));
}

impl Shared {
    async fn do_errand(self: &Arc<Self>, request: &Request, errand: Errand) -> Result<(), Error> {
        let Original { properties, body, .. } = &*request.original;
        let properties = &unchanged(properties);
        match errand {
            Errand::Acknowledge => {}
            Errand::Unknown => return unknown(self, request).await,
            Errand::Revoke(why) => {
                tracing::info!(task.id = request.task.id, task.name = request.task.name, ?why, "the task was called back");
                self.replies.revoked(&self.envelope(&request.task, &request.queue), why).await?;
            }
            Errand::Park => self.replies.park(&request.queue, PARKED, properties, body).await?,
            Errand::GoRound => self.replies.publish(&request.queue, properties, body).await?,
        }
        self.ack(request);
        Ok(())
    }
}

/// A task of somebody else: passed on as it came, or its producer is told.
async fn unknown(shared: &Arc<Shared>, request: &Request) -> Result<(), Error> {
    let (task, original) = (&request.task, &request.original);
    if let Unknown::Forward(queue) = &shared.settings.unknown {
        shared.replies.publish_durably(queue, &unchanged(&original.properties), &original.body).await?;
        shared.ack(request);
        return Ok(());
    }
    tracing::warn!(task.id = task.id, task.name = task.name, queue = &*request.queue, "a task that this worker does not know");
    announce(shared, task);
    let envelope = shared.envelope(task, &request.queue);
    shared.replies.fail(&envelope, &Exception::not_registered(&task.name)).await?;
    // As Python's workers do: a dead-letter policy of the queue gets it.
    if shared.reject(&request.acker).await == Settled::Lost {
        shared.desk().remember_done(task);
    }
    Ok(())
}

/// Sets a message aside that is no task, and tells its producer where there is one to be found.
async fn refuse(shared: &Shared, queue: &str, message: &Incoming, original: &Original, fault: &Fault) -> Result<(), Error> {
    tracing::warn!(%fault, queue, "a message that is no task of this worker's");
    let envelope = addressee(message).map(|id| Envelope::bare(id, message.reply_to.clone(), message.correlation_id.clone()));
    let told = match envelope.filter(|envelope| shared.replies.reach(envelope)) {
        Some(envelope) => shared.replies.fail(&envelope, &fault.to_exception()).await.map(|()| true)?,
        None => false,
    };
    if fault.is_poison() || !told {
        dead::set_aside(shared, queue, original, &fault.to_string()).await?;
    }
    Ok(())
}

fn announce(shared: &Shared, task: &Task) {
    if shared.events.enabled() {
        let fields = [
            ("name", task.name.as_str().into()),
            ("args", task.args_text().into()),
            ("kwargs", task.kwargs_text().into()),
            ("root_id", task.root_id.as_deref().into()),
            ("parent_id", task.parent_id.as_deref().into()),
            ("retries", task.retries.into()),
            ("eta", task.eta.map(clock::iso).into()),
            ("expires", task.expires.map(clock::iso).into()),
        ];
        shared.events.task("task-received", &task.id, &fields);
    }
}
