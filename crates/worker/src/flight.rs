//! Single flight: one computation, one effect, however many ask, on however many workers.
//!
//! Owns the order of things: look for the result; else take the claim, or wait as a row until its holder answers; compute with
//! no unit of work open; then, in one unit of work, end the claim under its epoch, store the result, change the targets, and
//! leave an answer for everybody who waits. Promises that a result is computed once and reused, that a failure is told to all
//! and reused by none, that a claim which was lost commits nothing, and that an older task never replaces a newer one. Does
//! not notice that a worker has died: that is [`crate::Keeper`]'s business.

mod arrive;
mod held;
mod settle;
mod work;

use viva_core::claim::WorkerId;
use viva_core::store::Store;
use viva_core::{Digest, ErrorClass, Task, TaskError, retry};

use crate::handler::{Answer, Context};
use crate::keeper::Keeper;
use crate::liveness::{Kept, Lanes};
use arrive::Next;
use held::Held;
pub(crate) use settle::send_on;
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
        tracing::debug!(step = "arrived", "single flight");
        let (seen, mut next) = self.arrive(work, computation, context).await?;
        let flown = Flown { work, computation, task, context, seen };
        loop {
            let held = match next {
                Next::Stored(output) => return self.answer_stored(&flown, &output).await,
                Next::Waits => return Ok(Answer::Later),
                Next::LookAgain => {
                    next = self.look_again(work).await?;
                    continue;
                }
                Next::Take => {
                    next = self.take_or_wait(&flown).await?;
                    continue;
                }
                Next::Claimed(held) => *held,
            };
            match self.compute_and_settle(&flown, held).await {
                Err(error) if error.class() == ErrorClass::LostClaim => {
                    metrics::counter!("viva_claims_lost_total").increment(1);
                    tracing::warn!(%computation, "the claim was lost while this worker computed; its output is thrown away");
                    next = Next::LookAgain;
                }
                ended => return ended,
            }
        }
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

    async fn compute_and_settle<W: Work>(&self, flown: &Flown<'_, W>, held: Held) -> Result<Answer, TaskError> {
        if held.claim().attempts > self.policy.max_attempts {
            let message = format!("it was begun {} times and never ended: it may kill its worker", held.claim().attempts - 1);
            return held.fail(TaskError::new(ErrorClass::Poison, message)).await;
        }
        match self.compute(flown, &held).await {
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

    async fn compute<W: Work>(&self, flown: &Flown<'_, W>, held: &Held) -> Result<Answer, TaskError> {
        // Settled by somebody between our look and our claim?
        let found = if held.is_looked_for() { None } else { self.look(flown.work).await? };
        let (output, cached) = match found {
            Some(output) => (output, true),
            None => (self.compute_kept(flown).await?, false),
        };
        tracing::debug!(step = "computed", "single flight");
        self.settle(flown, held.claim(), output, cached).await
    }

    async fn compute_kept<W: Work>(&self, flown: &Flown<'_, W>) -> Result<W::Output, TaskError> {
        let cancel = &flown.context.cancel;
        match &self.kept {
            Some(kept) => kept.compute(flown.work, flown.task.name(), cancel).await,
            None => flown.work.compute(cancel).await,
        }
    }
}
