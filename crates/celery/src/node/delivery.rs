use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::cancel::CancelReason;
use super::desk::{Request, Stage};
use super::shared::{Settled, Shared};
use crate::clock::{self, Instant};
use crate::message::{Retried, Task, TimeLimit, retried, unchanged};
use crate::replies::Revocation;
use crate::{Envelope, Error, Exception, dead};

/// A task in its owner's hands, with a place of the node's pool.
///
/// Whoever drops it unsettled hands it back to the queue, and so does any method that fails: an answer that could not be
/// given is given by whoever gets the task next. A panic that drops it is a failure of the task, or it would go round for ever.
#[derive(Debug)]
#[must_use = "dropping a delivery hands it back"]
pub struct Delivery {
    shared: Arc<Shared>,
    seq: u64,
    request: Request,
    envelope: OnceLock<Envelope>,
    began: Option<Instant>,
    limits: Option<AbortHandle>,
    settled: bool,
}

impl Delivery {
    pub(super) fn new(shared: Arc<Shared>, seq: u64, request: Request) -> Self {
        Self { shared, seq, request, envelope: OnceLock::new(), began: None, limits: None, settled: false }
    }

    /// The task.
    pub fn task(&self) -> &Task {
        &self.request.task
    }

    /// The queue it came from.
    pub fn queue(&self) -> &str {
        &self.request.queue
    }

    /// Somebody held it before and was lost: a hint to look for traces, not a proof of any.
    pub fn redelivered(&self) -> bool {
        self.request.original.redelivered
    }

    /// What it takes to answer the task later, or from another process.
    pub fn envelope(&self) -> Envelope {
        self.asker().clone()
    }

    fn asker(&self) -> &Envelope {
        self.envelope.get_or_init(|| self.shared.envelope(&self.request.task, &self.request.queue))
    }

    /// Cancelled when the task has to stop: it was revoked, its hard limit passed, or the worker leaves.
    pub fn stop_token(&self) -> CancellationToken {
        self.request.cancel.stop.clone()
    }

    /// Cancelled when the task should come to an end: its soft limit passed, or it has to stop.
    pub fn soft_token(&self) -> CancellationToken {
        self.request.cancel.soft.clone()
    }

    /// Why one of the two is cancelled.
    pub fn cancel_reason(&self) -> Option<CancelReason> {
        self.request.cancel.reason()
    }

    /// The task begins to run: its limits count from here.
    pub async fn started(&mut self) {
        if !self.begin() {
            return;
        }
        if let Err(error) = self.shared.replies.started(self.asker()).await {
            tracing::warn!(%error, task.id = self.request.task.id, "that the task started could not be kept");
        }
    }

    /// The task returned `value`: keeps it, sends what follows, acknowledges.
    pub async fn succeed(mut self, value: &Value) -> Result<Settled, Error> {
        self.begin();
        let runtime = self.began.map(|began| began.elapsed()).unwrap_or_default();
        self.shared.replies.succeed(self.asker(), value, runtime).await?;
        Ok(self.acknowledge())
    }

    /// The task failed for good.
    pub async fn fail(mut self, exception: &Exception) -> Result<Settled, Error> {
        self.begin();
        self.shared.replies.fail(self.asker(), exception).await?;
        Ok(self.acknowledge())
    }

    /// The task failed, and is to be tried again after some time: sends it once more.
    pub async fn retry(mut self, after: Duration, exception: &Exception) -> Result<Settled, Error> {
        self.begin();
        let Request { task, original, queue, .. } = &self.request;
        let eta = TimeDelta::from_std(after).ok().and_then(|after| clock::wall().checked_add_signed(after));
        let how = Retried { retries: task.retries.saturating_add(1), after, eta: eta.unwrap_or_else(clock::wall) };
        let properties = retried(&original.properties, task, how)?;
        self.shared.replies.publish(queue, &properties, &original.body).await?;
        self.shared.replies.retried(self.asker(), exception).await?;
        Ok(self.acknowledge())
    }

    /// The task was called back.
    pub async fn revoke(self, why: Revocation) -> Result<Settled, Error> {
        self.shared.replies.revoked(self.asker(), why).await?;
        Ok(self.acknowledge())
    }

    /// The task stopped because it was told to: ends it as the reason demands.
    pub async fn stopped(self) -> Result<Settled, Error> {
        match self.cancel_reason() {
            Some(CancelReason::Revoked { signum }) => self.revoke(Revocation::Terminated { signum }).await,
            Some(CancelReason::TimeLimit { after_s }) => self.fail(&Exception::time_limit(after_s)).await,
            Some(CancelReason::SoftTimeLimit { .. }) => self.fail(&Exception::soft_time_limit()).await,
            Some(CancelReason::Shutdown) | None => Ok(self.hand_back().await),
        }
    }

    /// Passes the message on to another queue as it came.
    pub async fn forward(self, queue: &str) -> Result<Settled, Error> {
        let original = &self.request.original;
        self.shared.replies.publish_durably(queue, &unchanged(&original.properties), &original.body).await?;
        Ok(self.acknowledge())
    }

    /// Sets the message aside, with the reason, for people to look at. Answers nobody.
    pub async fn dead_letter(self, reason: &str) -> Result<Settled, Error> {
        dead::set_aside(&self.shared, &self.request.queue, &self.request.original, reason).await?;
        Ok(self.acknowledge())
    }

    /// Acknowledges, and answers nobody: somebody else does, or did. Should the delivery come again, because this
    /// acknowledgement was lost, it is handed out again: only its owner knows whether it is done.
    #[expect(clippy::unused_async, reason = "the broker may be waited for one day; so are all that settle a delivery")]
    pub async fn ack(mut self) -> Settled {
        let request = self.take();
        self.shared.ack_unremembered(&request)
    }

    /// Gives the message up: where a policy says so, the broker dead-letters it.
    pub async fn reject(mut self) -> Settled {
        let request = self.take();
        self.shared.reject(&request.acker).await
    }

    /// Gives the message back to its queue, for whoever takes it next.
    pub async fn hand_back(mut self) -> Settled {
        let request = self.take();
        self.shared.hand_back(&request.acker).await
    }

    fn acknowledge(mut self) -> Settled {
        let request = self.take();
        self.shared.ack(&request)
    }

    /// Leaves the desk. The request as it is there: its delivery may have come again meanwhile.
    fn take(&mut self) -> Request {
        self.settled = true;
        if let Some(limits) = self.limits.take() {
            limits.abort();
        }
        self.shared.desk().take(self.seq).unwrap_or_else(|| self.request.clone())
    }

    /// It was dropped unsettled.
    fn give_up(&mut self, panicked: bool) {
        let request = self.take();
        let shared = self.shared.clone();
        let give_back = async move {
            if panicked {
                let exception = Exception::new("WorkerLostError", "the task panicked").in_module("billiard.exceptions");
                match shared.replies.fail(&shared.envelope(&request.task, &request.queue), &exception).await {
                    Ok(()) => {
                        shared.ack(&request);
                        return;
                    }
                    Err(error) => tracing::error!(%error, task.id = request.task.id, "a task panicked, and nobody could be told"),
                }
            }
            shared.hand_back(&request.acker).await;
        };
        drop(self.shared.errands.spawn_on(give_back, &self.shared.runtime));
    }

    /// False if it began before.
    fn begin(&mut self) -> bool {
        if self.began.is_some() {
            return false;
        }
        self.began = Some(Instant::now());
        let limit = {
            let mut desk = self.shared.desk();
            if let Some(request) = desk.requests.get_mut(&self.seq) {
                request.stage = Stage::Active;
                request.started_s = Some(clock::epoch_s());
            }
            *desk.totals.entry(self.request.task.name.clone()).or_default() += 1;
            desk.processed += 1;
            let own = desk.time_limits.get(&self.request.task.name).copied().unwrap_or_default();
            let came = self.request.task.time_limit;
            TimeLimit { hard_s: came.hard_s.or(own.hard_s), soft_s: came.soft_s.or(own.soft_s) }
        };
        self.limits = self.watch(limit);
        true
    }

    fn watch(&self, limit: TimeLimit) -> Option<AbortHandle> {
        let length = |limit: Option<f64>| limit.filter(|s| *s > 0.0).and_then(|s| Duration::try_from_secs_f64(s).ok());
        let (soft, hard) = (length(limit.soft_s), length(limit.hard_s));
        if soft.is_none() && hard.is_none() {
            return None;
        }
        let cancel = self.request.cancel.clone();
        let sleep = |limit: Option<Duration>| async move {
            match limit {
                Some(limit) => tokio::time::sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let watch = async move {
            let hard_end = sleep(hard);
            tokio::pin!(hard_end);
            tokio::select! {
                () = &mut hard_end => {}
                () = sleep(soft) => {
                    cancel.cancel(CancelReason::SoftTimeLimit { after_s: soft.unwrap_or_default().as_secs_f64() });
                    hard_end.await;
                }
            }
            cancel.cancel(CancelReason::TimeLimit { after_s: hard.unwrap_or_default().as_secs_f64() });
        };
        Some(self.shared.runtime.spawn(watch).abort_handle())
    }
}

/// Frees the place, after the broker was told: a node that leaves waits until all are free.
impl Drop for Delivery {
    fn drop(&mut self) {
        if !self.settled {
            self.give_up(std::thread::panicking());
        }
        let mut desk = self.shared.desk();
        desk.busy = desk.busy.saturating_sub(1);
        drop(desk);
        self.shared.ready.notify_one();
    }
}
