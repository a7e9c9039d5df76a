//! Single flight: one computation, one effect, however many ask, on however many workers.
//!
//! Owns the order of things: look for the result; else take the claim, or wait as a row until its holder answers; compute with
//! no unit of work open; then, in one unit of work, end the claim under its epoch, store the result, change the targets, and
//! leave an answer for everybody who waits. Promises that a result is computed once and reused, that a failure is told to all
//! and reused by none, that a claim which was lost commits nothing, and that an older task never replaces a newer one. Does
//! not notice that a worker has died: that is [`crate::Keeper`]'s business.

mod held;
mod work;

use tracing::Instrument as _;
use viva_core::claim::{Claim, End, Taken, WorkerId};
use viva_core::store::{Letter, Relayed, Session, Store, Waiter};
use viva_core::task::EVALUATE_PART;
use viva_core::{Digest, ErrorClass, Outcome, Task, TaskError, TaskMessage, retry};

use crate::handler::{Answer, Context};
use crate::keeper::Keeper;
use crate::liveness::{Kept, Lanes};
use held::Held;
pub use work::Work;

/// Who flies: a worker process and its database.
#[derive(Debug, Clone)]
pub struct Flight {
    store: Store,
    worker: WorkerId,
    policy: retry::Policy,
    kept: Option<Kept>,
}

/// A task on its way.
struct Flown<'a, W> {
    work: &'a W,
    computation: &'a Digest,
    task: &'a Task,
    context: &'a Context,
    /// The task's place in the order of arrival.
    seen: i64,
}

impl Flight {
    /// Single flight for the process `worker` (see [`crate::Keeper`]), with the default retry policy.
    pub fn new(store: Store, worker: WorkerId) -> Self {
        Self { store, worker, policy: retry::Policy::default(), kept: None }
    }

    /// Takes and computes only while `keeper` is trusted to be alive, and tells it that the work moves.
    #[must_use]
    pub fn kept_by(self, keeper: &Keeper) -> Self {
        Self { kept: Some(Kept { trust: keeper.trust().clone(), progress: keeper.progress().clone(), lanes: Lanes::default() }), ..self }
    }

    /// The process that flies.
    pub fn worker(&self) -> &WorkerId {
        &self.worker
    }

    /// Has the task answered by the result of `computation`, which `work` computes unless it is there or on its way.
    pub async fn fly<W: Work>(&self, work: &W, computation: &Digest, task: &Task, context: &Context) -> Result<Answer, TaskError> {
        let (seen, mut stored) = self.arrive(work, context).await?;
        let flown = Flown { work, computation, task, context, seen };
        loop {
            if let Some(output) = stored {
                return self.answer_stored(&flown, &output).await;
            }
            if let Some(kept) = &self.kept {
                kept.may_claim(&context.cancel).await?;
            }
            let held = match self.take_or_wait(&flown).await? {
                Step::Claimed(held) => *held,
                Step::Waits => return Ok(Answer::Later),
                Step::LookAgain => {
                    stored = self.look(work).await?;
                    continue;
                }
            };
            match self.compute_and_settle(&flown, held).await {
                Err(error) if error.class() == ErrorClass::LostClaim => {
                    metrics::counter!("viva_claims_lost_total").increment(1);
                    tracing::warn!(%computation, "the claim was lost while this worker computed; its output is thrown away");
                    stored = self.look(work).await?;
                }
                ended => return ended,
            }
        }
    }

    /// Notes the task's place, and looks for the result with the same unit of work: most tasks find it.
    async fn arrive<W: Work>(&self, work: &W, context: &Context) -> Result<(i64, Option<W::Output>), TaskError> {
        let unit = self.store.write().await?;
        let seen = unit.arrivals().place(&context.message.id).await?;
        let found = work.find(&unit).await?;
        unit.commit().await?;
        tracing::debug!(step = "arrived", "single flight");
        Ok((seen, usable(work, found).await?))
    }

    /// The stored result, if it can be used.
    async fn look<W: Work>(&self, work: &W) -> Result<Option<W::Output>, TaskError> {
        let unit = self.store.read().await?;
        let found = work.find(&unit).await?;
        unit.rollback().await?;
        usable(work, found).await
    }

    async fn answer_stored<W: Work>(&self, flown: &Flown<'_, W>, output: &W::Output) -> Result<Answer, TaskError> {
        if let Some(target) = flown.work.target(flown.task) {
            let unit = self.store.write().await?;
            if unit.effects().advance(&target, flown.seen, &flown.context.message.id).await? {
                flown.work.show(&unit, flown.task, output).await?;
            }
            unit.commit().await?;
        }
        metrics::counter!("viva_results_reused_total").increment(1);
        Ok(Answer::Now(flown.work.answer(flown.task, output, true)))
    }

    /// In a task of its own, so that nobody can be cut off between the commit that takes a claim and the hand that holds it.
    async fn take_or_wait<W>(&self, flown: &Flown<'_, W>) -> Result<Step, TaskError> {
        let waiter = Waiter { worker: self.worker.clone(), seen: flown.seen, message: flown.context.message.clone() };
        let taking = self.clone().take(flown.computation.clone(), waiter);
        let step = tokio::spawn(taking.in_current_span()).await.map_err(TaskError::transient)??;
        tracing::debug!(step = step.name(), "single flight");
        Ok(step)
    }

    async fn take(self, computation: Digest, waiter: Waiter) -> Result<Step, TaskError> {
        let (unit, taken) = self.store.take_claim(&computation, &self.worker).await?;
        let step = match taken {
            Taken::Ours(claim) => Step::Claimed(Box::new(Held::new(claim, &waiter.message.id, self.store.clone(), self.policy))),
            Taken::Held if unit.waiters().add(&computation, &waiter).await? => Step::Waits,
            Taken::Held => Step::LookAgain,
        };
        if let Err(error) = unit.commit().await {
            // Taken or not: it is given back before the task comes again. A claim that was not made after all would be numbered
            // alike then, and be given back in its place.
            if let Step::Claimed(held) = step {
                held.unknown().await;
            }
            return Err(error.into());
        }
        Ok(step)
    }

    async fn compute_and_settle<W: Work>(&self, flown: &Flown<'_, W>, held: Held) -> Result<Answer, TaskError> {
        if held.claim().attempts > self.policy.max_attempts {
            let message = format!("it was begun {} times and never ended: it may kill its worker", held.claim().attempts - 1);
            return held.fail(TaskError::new(ErrorClass::Poison, message)).await;
        }
        match self.compute(flown, held.claim()).await {
            Ok(answer) => {
                held.over().await;
                Ok(answer)
            }
            Err(error) if error.class() == ErrorClass::LostClaim => {
                held.over().await;
                Err(error)
            }
            Err(error) => held.fail(error).await,
        }
    }

    async fn compute<W: Work>(&self, flown: &Flown<'_, W>, claim: &Claim) -> Result<Answer, TaskError> {
        // Settled by somebody between our look and our claim?
        let (output, cached) = match self.look(flown.work).await? {
            Some(output) => (output, true),
            None => (self.compute_kept(flown).await?, false),
        };
        tracing::debug!(step = "computed", "single flight");
        self.settle(flown, claim, output, cached).await
    }

    async fn compute_kept<W: Work>(&self, flown: &Flown<'_, W>) -> Result<W::Output, TaskError> {
        let cancel = &flown.context.cancel;
        match &self.kept {
            Some(kept) => kept.compute(flown.work, flown.task.name(), cancel).await,
            None => flown.work.compute(cancel).await,
        }
    }

    /// Ends the claim with its result. A commit whose outcome is unknown, since the connection broke, fails here, and again when
    /// the claim is given up if it was made: the task comes again and finds the result.
    async fn settle<W: Work>(&self, flown: &Flown<'_, W>, claim: &Claim, made: W::Output, cached: bool) -> Result<Answer, TaskError> {
        let unit = self.store.write().await?;
        if !unit.claims().end(claim, End::Settled).await? {
            return Err(TaskError::new(ErrorClass::LostClaim, "somebody else computes this by now"));
        }
        let output = if cached { made } else { flown.work.keep(&unit, made).await? };
        let waiters = unit.waiters().take_all(flown.computation).await?;
        self.show_newest(&unit, flown, &waiters, &output).await?;
        unit.outbox().post(&answers(flown, &waiters, &output)?).await?;
        tracing::debug!(step = "settling", "single flight");
        unit.commit().await?;
        tracing::debug!(step = "settled", "single flight");
        metrics::counter!("viva_computations_total").increment(u64::from(!cached));
        metrics::counter!("viva_waiters_answered_total").increment(waiters.len() as u64);
        let waited = waiters.iter().any(|waiter| waiter.message.id == flown.context.message.id);
        Ok(if waited { Answer::Later } else { Answer::Now(flown.work.answer(flown.task, &output, cached)) })
    }

    /// Changes each target once, to the task that arrived last.
    async fn show_newest<W: Work>(
        &self,
        unit: &Session,
        flown: &Flown<'_, W>,
        waiters: &[Waiter],
        output: &W::Output,
    ) -> Result<(), TaskError> {
        let mut newest = std::collections::BTreeMap::new();
        let own = (flown.seen, flown.context.message.id.as_str(), flown.task.clone());
        let mut all = vec![own];
        for waiter in waiters {
            all.push((waiter.seen, &waiter.message.id, Task::bind(&waiter.message)?));
        }
        all.sort_by_key(|(seen, ..)| *seen);
        for (seen, id, task) in all {
            if let Some(target) = flown.work.target(&task) {
                newest.insert(target, (seen, id, task));
            }
        }
        // In the order of their names: two that settle at once cannot wait for each other.
        for (target, (seen, id, task)) in newest {
            if unit.effects().advance(&target, seen, id).await? {
                flown.work.show(unit, &task, output).await?;
            }
        }
        Ok(())
    }
}

enum Step {
    Claimed(Box<Held>),
    Waits,
    /// It was settled in between.
    LookAgain,
}

impl Step {
    fn name(&self) -> &'static str {
        match self {
            Self::Claimed(_) => "claimed",
            Self::Waits => "waiting",
            Self::LookAgain => "looking again",
        }
    }
}

async fn usable<W: Work>(work: &W, found: Option<W::Output>) -> Result<Option<W::Output>, TaskError> {
    Ok(match found {
        Some(output) if work.is_sound(&output).await? => Some(output),
        _ => None,
    })
}

fn answers<'w, W: Work>(flown: &Flown<'_, W>, waiters: &'w [Waiter], output: &W::Output) -> Result<Vec<(Relayed<'w>, Letter)>, TaskError> {
    let answer = |waiter: &'w Waiter| {
        let task = Task::bind(&waiter.message)?;
        let outcome = Outcome::Success(flown.work.answer(&task, output, true));
        Ok((Relayed::By(&waiter.worker), tell(&waiter.message, outcome)))
    };
    waiters.iter().map(answer).collect()
}

/// The outcome for one who waited. A part of a report has nobody to tell: it is sent again, finds the result, and lands.
fn tell(message: &TaskMessage, outcome: Outcome) -> Letter {
    match message.task.as_str() {
        EVALUATE_PART => Letter::Task { message: message.clone() },
        _ => Letter::Reply { to: message.clone(), outcome },
    }
}

/// Sends the task of the first who waits for a computation that nobody holds, so that somebody computes it. It goes on
/// waiting, and is answered as a waiter.
pub(crate) async fn send_on(unit: &Session, computation: &Digest, relayed: Relayed<'_>) -> Result<(), TaskError> {
    if let Some(Waiter { message, .. }) = unit.waiters().first(computation).await? {
        unit.outbox().post(&[(relayed, Letter::Task { message })]).await?;
    }
    Ok(())
}
