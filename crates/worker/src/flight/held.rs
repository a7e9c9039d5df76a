//! A claim in this process' hands: it ends in exactly one way, also when the one who holds it panics or is cut off.

use std::time::Duration;

use viva_core::claim::{Claim, End};
use viva_core::retry::{Disposition, Policy};
use viva_core::store::{Relayed, Store, Waiter};
use viva_core::{ErrorClass, Outcome, TaskError};

use super::settle::{send_on, tell};
use crate::handler::Answer;

/// How long the answer to a failed task waits until its claim is given up, and between two attempts at that.
const PROMPT: Duration = Duration::from_secs(1);

/// A claim that is given up when it is dropped.
pub(super) struct Held {
    /// None once it has ended.
    claim: Option<Claim>,
    /// The task that took it.
    task_id: String,
    /// Its result was looked for after it was taken.
    looked_for: bool,
    store: Store,
    policy: Policy,
}

/// What becomes of a claim that has no result.
enum Ending {
    /// Nobody tries again; all who wait are told.
    Told(Outcome),
    /// Its next attempt comes with the delivery of this task.
    Again(End, String),
    /// Somebody else must take it up: this worker leaves, or its delivery may be lost with it.
    GivenUp(End),
}

impl Held {
    pub(super) fn new(claim: Claim, task_id: &str, store: Store, policy: Policy) -> Self {
        Self { claim: Some(claim), task_id: task_id.to_owned(), looked_for: false, store, policy }
    }

    /// The same; the unit of work that took it has found no result.
    pub(super) fn looked_for(mut self) -> Self {
        self.looked_for = true;
        self
    }

    pub(super) fn is_looked_for(&self) -> bool {
        self.looked_for
    }

    pub(super) fn claim(&self) -> &Claim {
        self.claim.as_ref().expect("a claim is looked at before it ends; this is a bug")
    }

    /// It has ended elsewhere: settled, or lost.
    pub(super) async fn over(mut self) {
        if let Some(claim) = self.claim.take() {
            self.store.release_claim(&claim).await;
        }
    }

    /// Nobody knows whether it was taken: gives it back, and returns when that is certain.
    pub(super) async fn unknown(mut self) {
        if let Some(claim) = self.claim.take() {
            give_up(self.store.clone(), claim, Ending::GivenUp(End::HandedBack)).await;
        }
    }

    /// Ends it without a result, by the error's class. Returns the error, made final if no attempt is left.
    pub(super) async fn fail(mut self, error: TaskError) -> Result<Answer, TaskError> {
        let claim = self.claim.take().expect("a claim ends once; this is a bug");
        let disposition = self.policy.after(error.class(), claim.attempts, 0.0);
        let error = match (error.class(), disposition) {
            (ErrorClass::Transient, Disposition::DeadLetter) => {
                TaskError::new(ErrorClass::Poison, format!("tried {} times: {}", claim.attempts, error.chain()))
            }
            _ => error,
        };
        let ending = match error.class() {
            ErrorClass::Cancelled => Ending::GivenUp(End::HandedBack),
            ErrorClass::Transient => Ending::Again(End::Failed, self.task_id.clone()),
            ErrorClass::Unavailable => Ending::Again(End::HandedBack, self.task_id.clone()),
            class => Ending::Told(Outcome::Failure { class, message: error.chain(), dead: disposition == Disposition::DeadLetter }),
        };
        let giving_up = tokio::spawn(give_up(self.store.clone(), claim, ending));
        // Usually done at once, and before the task is answered; if the database is away, it goes on when it is back.
        drop(tokio::time::timeout(PROMPT, giving_up).await);
        Err(error)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        let ending = match std::thread::panicking() {
            true if claim.attempts >= self.policy.max_crashes => {
                let message = "it crashed its handler; the log has the details".to_owned();
                Ending::Told(Outcome::Failure { class: ErrorClass::Poison, message, dead: true })
            }
            true => Ending::GivenUp(End::Failed),
            false => Ending::GivenUp(End::HandedBack),
        };
        // Without a runtime the process is over; whoever notices rescues what it held.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(give_up(self.store.clone(), claim, ending));
    }
}

/// Ends a claim without a result, however long the database is away: this worker lives, so nobody else would open it.
async fn give_up(store: Store, claim: Claim, ending: Ending) {
    while let Err(error) = end(&store, &claim, &ending).await {
        tracing::warn!(error = error.chain(), computation = %claim.computation, "a claim could not be given up yet");
        tokio::time::sleep(PROMPT).await;
    }
}

async fn end(store: &Store, claim: &Claim, ending: &Ending) -> Result<(), TaskError> {
    let unit = store.write().await?;
    let how = match ending {
        Ending::Told(_) => End::Settled,
        Ending::Again(end, _) | Ending::GivenUp(end) => *end,
    };
    if !unit.claims().end(claim, how).await? {
        tracing::info!(computation = %claim.computation, "a claim that failed here was taken over before");
        unit.rollback().await?;
        store.release_claim(claim).await;
        return Ok(());
    }
    match ending {
        Ending::Told(outcome) => {
            let waiters = unit.waiters().take_all(&claim.computation).await?;
            let letter = |waiter: &'_ Waiter| tell(&waiter.message, outcome.clone());
            let letters: Vec<_> = waiters.iter().map(|waiter| (Relayed::By(&waiter.worker), letter(waiter))).collect();
            unit.outbox().post(&letters).await?;
        }
        // Unless it has come already, while the claim could not be ended, and found the claim held: then it waits for itself.
        Ending::Again(_, task_id) if !unit.waiters().holds(&claim.computation, task_id).await? => {}
        Ending::Again(..) | Ending::GivenUp(_) => send_on(&unit, &claim.computation, Relayed::ByAny).await?,
    }
    unit.commit().await?;
    store.release_claim(claim).await;
    Ok(())
}
