//! One delivery from hand to hand: bind, run, answer, settle.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument as _;
use viva_core::retry::{self, Disposition};
use viva_core::{ErrorClass, Outcome, Task, TaskError, TaskMessage};

use crate::handler::{Answer, Context, Handler};
use crate::queue::{Delivery, Settled, Settlement};
use crate::reply::Reply;

/// How long a handler that was asked to stop may take before it is cut off.
const GRACE: Duration = Duration::from_secs(2);

/// What every job needs.
pub(super) struct Desk {
    pub(super) reply: Arc<dyn Reply>,
    pub(super) handlers: HashMap<&'static str, Arc<dyn Handler>>,
    pub(super) policy: retry::Policy,
}

/// What became of a job's delivery.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Settled,
    HandedBack,
}

/// Why a handler returned nothing.
enum Failed {
    Error(TaskError),
    Panic(String),
    Stopped,
}

impl Desk {
    /// `stop` is cancelled when the worker leaves and its deadline has passed.
    pub(super) async fn work(self: Arc<Self>, delivery: Delivery, stop: CancellationToken) -> Ending {
        let span = tracing::info_span!(
            "task",
            task.id = %delivery.message.id,
            task.kind = %delivery.message.task,
            attempt = delivery.attempt,
            delivery.redelivered = delivery.redelivered,
        );
        self.work_in_span(delivery, stop).instrument(span).await
    }

    async fn work_in_span(&self, mut delivery: Delivery, stop: CancellationToken) -> Ending {
        delivery.started().await;
        let called_back = delivery.stop.clone();
        let result = tokio::select! {
            result = self.run(&delivery, &stop) => result,
            never = async { called_back.cancelled().await; stop.cancel(); std::future::pending().await } => never,
        };
        let (settlement, outcome) = self.judge(delivery.attempt, result, stop.is_cancelled());
        if let Some(outcome) = outcome
            && let Err(error) = self.tell(&delivery.message, &outcome).await
        {
            // The outcome must not be lost: somebody runs the task again, and a stored result answers then.
            tracing::warn!(error = error.chain(), "the outcome could not be delivered; the task goes back");
            return settle(delivery, Settlement::RetryAfter { delay: self.policy.cap, reason: error.chain() }).await;
        }
        settle(delivery, settlement).await
    }

    /// Tells the handler that its task has failed for good, and whoever asked how it ended.
    async fn tell(&self, message: &TaskMessage, outcome: &Outcome) -> Result<(), TaskError> {
        if let Outcome::Failure { message: reason, .. } = outcome
            && let Ok(task) = Task::bind(message)
            && let Some(handler) = self.handlers.get(task.name())
        {
            handler.abandon(&task, reason).await?;
        }
        Ok(self.reply.deliver(message, outcome).await?)
    }

    async fn run(&self, delivery: &Delivery, stop: &CancellationToken) -> Result<Answer, Failed> {
        // Attempts that came back by themselves were ended in order, and some of them do not count.
        if delivery.redelivered && delivery.attempt > self.policy.max_attempts {
            let message = format!("it was begun {} times and never ended: it may kill its worker", delivery.attempt - 1);
            return Err(Failed::Error(TaskError::new(ErrorClass::Poison, message)));
        }
        let task = Task::bind(&delivery.message).map_err(|error| Failed::Error(error.into()))?;
        let Some(handler) = self.handlers.get(task.name()).cloned() else {
            let message = format!("this worker has no handler for {}; check which queue the task was sent to", task.name());
            return Err(Failed::Error(TaskError::permanent(message)));
        };
        let context = Context {
            message: delivery.message.clone(),
            attempt: delivery.attempt,
            redelivered: delivery.redelivered,
            cancel: stop.clone(),
        };
        // A task of its own, so that a panic ends there; dropped with this one, so that none is left running.
        let run = async move { handler.handle(task, context).await }.in_current_span();
        let run = AbortOnDropHandle::new(tokio::spawn(run));
        tokio::select! {
            ended = run => match ended {
                Ok(result) => result.map_err(Failed::Error),
                Err(error) if error.is_panic() => Err(Failed::Panic(panic_text(&*error.into_panic()))),
                Err(_) => Err(Failed::Stopped),
            },
            () = grace_after(stop) => Err(Failed::Stopped),
        }
    }

    /// Decides by class alone, and says why in the log: this is where a failure is handled.
    fn judge(&self, attempt: u32, result: Result<Answer, Failed>, stopping: bool) -> (Settlement, Option<Outcome>) {
        let random = rand::random::<f64>();
        let (class, message, disposition) = match result {
            Ok(Answer::Now(value)) => return (Settlement::Ack, Some(Outcome::Success(value))),
            Ok(Answer::Later) => return (Settlement::Ack, None),
            Err(Failed::Stopped) => return (Settlement::HandBack, None),
            Err(Failed::Error(error)) if error.class() == ErrorClass::Cancelled && stopping => {
                return (Settlement::HandBack, None);
            }
            Err(Failed::Error(error)) => (error.class(), error.chain(), self.policy.after(error.class(), attempt, random)),
            Err(Failed::Panic(text)) => {
                (ErrorClass::Poison, format!("the handler panicked: {text}"), self.policy.after_crash(attempt, random))
            }
        };
        let failure = |dead| Some(Outcome::Failure { class, message: message.clone(), dead });
        match disposition {
            Disposition::Ack if class == ErrorClass::LostClaim => {
                tracing::info!(error = message, "somebody else owns this task; our output is thrown away");
                (Settlement::Ack, None)
            }
            Disposition::Ack => {
                tracing::warn!(error = message, ?class, "the task failed");
                (Settlement::Ack, failure(false))
            }
            Disposition::RetryAfter(delay) => {
                tracing::warn!(error = message, ?class, retry_ms = delay.as_millis() as u64, "the task will be tried again");
                (Settlement::RetryAfter { delay, reason: message }, None)
            }
            Disposition::DeadLetter => {
                tracing::error!(error = message, ?class, "the task is set aside");
                let outcome = failure(true);
                (Settlement::DeadLetter { reason: message }, outcome)
            }
        }
    }
}

async fn settle(delivery: Delivery, settlement: Settlement) -> Ending {
    let back = settlement == Settlement::HandBack;
    match delivery.settle(settlement).await {
        Ok(Settled::Done) if !back => Ending::Settled,
        Ok(Settled::Done) => Ending::HandedBack,
        Ok(Settled::Lost) => {
            tracing::info!("the broker had taken the delivery away; it comes again");
            Ending::HandedBack
        }
        Err(error) => {
            tracing::warn!(%error, "the delivery could not be settled; it comes again");
            Ending::HandedBack
        }
    }
}

async fn grace_after(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

/// The message of a panic. Takes what is in the box: a `&Box<dyn Any>` would itself pass for a `dyn Any` and match nothing.
fn panic_text(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "no message".to_owned(),
    }
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handlers: Vec<_> = self.handlers.keys().collect();
        f.debug_struct("Desk").field("handlers", &handlers).field("policy", &self.policy).finish_non_exhaustive()
    }
}
