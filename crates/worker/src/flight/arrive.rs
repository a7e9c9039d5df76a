//! A task arrives: is there a result, a holder, or a claim to take?

use tracing::Instrument as _;
use viva_core::claim::Taken;
use viva_core::store::{Session, Waiter};
use viva_core::{Digest, TaskError};

use super::{Flight, Flown, Held, Work};
use crate::handler::Context;

/// What is to be done about a task.
pub(super) enum Next<T> {
    /// Answer it by this.
    Stored(T),
    /// Compute it: the claim is ours.
    Claimed(Box<Held>),
    /// Nothing: whoever computes it answers.
    Waits,
    /// Take the claim, or wait.
    Take,
    /// It was settled in between.
    LookAgain,
}

impl<T> Next<T> {
    fn after(found: Option<T>) -> Self {
        found.map_or(Self::Take, Self::Stored)
    }
}

impl Flight {
    /// Notes the task's place, takes the claim where nobody has or had it, and looks for the result, all in one unit of work: most
    /// tasks are new, and most others find their result.
    ///
    /// The look comes after the claim was taken, so that whoever settled before has been seen.
    pub(super) async fn arrive<W: Work>(
        &self,
        work: &W,
        computation: &Digest,
        context: &Context,
    ) -> Result<(i64, Next<W::Output>), TaskError> {
        if let Some(kept) = &self.kept {
            kept.may_claim(&context.cancel).await?;
        }
        let id = &context.message.id;
        let unit = self.store.write().await?;
        let (seen, claim) = if self.store.claims_alone() {
            unit.claims().arrive(computation, &self.worker, id).await?
        } else {
            (unit.arrivals().place(id).await?, None)
        };
        let found = work.find(&unit).await?;
        let Some(claim) = claim else {
            unit.commit().await?;
            return Ok((seen, Next::after(usable(work, found).await?)));
        };
        let held = Held::new(claim, id, self.store.clone(), self.policy);
        // One that has a result all the same, since its claim was forgotten, ends as all do: somebody may wait for it.
        Ok((seen, claimed(unit, if found.is_none() { held.looked_for() } else { held }).await?))
    }

    /// The stored result, if it can be used.
    pub(super) async fn look<W: Work>(&self, work: &W) -> Result<Option<W::Output>, TaskError> {
        let unit = self.store.read().await?;
        let found = work.find(&unit).await?;
        unit.rollback().await?;
        usable(work, found).await
    }

    pub(super) async fn look_again<W: Work>(&self, work: &W) -> Result<Next<W::Output>, TaskError> {
        Ok(Next::after(self.look(work).await?))
    }

    /// In a task of its own, so that nobody can be cut off between the commit that takes a claim and the hand that holds it.
    pub(super) async fn take_or_wait<W: Work>(&self, flown: &Flown<'_, W>) -> Result<Next<W::Output>, TaskError> {
        if let Some(kept) = &self.kept {
            kept.may_claim(&flown.context.cancel).await?;
        }
        let waiter = Waiter { worker: self.worker.clone(), seen: flown.seen, message: flown.context.message.clone() };
        let taking = self.clone().take(flown.computation.clone(), waiter);
        let taken = tokio::spawn(taking.in_current_span()).await.map_err(TaskError::transient)??;
        let (step, next) = match taken {
            Step::Claimed(held) => ("claimed", Next::Claimed(held)),
            Step::Waits => ("waiting", Next::Waits),
            Step::LookAgain => ("looking again", Next::LookAgain),
        };
        tracing::debug!(step, "single flight");
        Ok(next)
    }

    async fn take(self, computation: Digest, waiter: Waiter) -> Result<Step, TaskError> {
        let (unit, taken) = self.store.take_claim(&computation, &self.worker).await?;
        match taken {
            Taken::Ours(claim) => {
                let held = Held::new(claim, &waiter.message.id, self.store.clone(), self.policy);
                commit(unit, held).await.map(Step::Claimed)
            }
            Taken::Held => {
                let waits = unit.waiters().add(&computation, &waiter).await?;
                unit.commit().await?;
                Ok(if waits { Step::Waits } else { Step::LookAgain })
            }
        }
    }
}

enum Step {
    Claimed(Box<Held>),
    Waits,
    LookAgain,
}

/// Commits what took the claim, in a task of its own: see [`Flight::take_or_wait`]. Until it commits, whoever is cut off rolls back,
/// and nothing was taken.
async fn claimed<T>(unit: Session, held: Held) -> Result<Next<T>, TaskError> {
    let held = tokio::spawn(commit(unit, held).in_current_span()).await.map_err(TaskError::transient)??;
    tracing::debug!(step = "claimed", "single flight");
    Ok(Next::Claimed(held))
}

async fn commit(unit: Session, held: Held) -> Result<Box<Held>, TaskError> {
    if let Err(error) = unit.commit().await {
        // Taken or not: it is given back before the task comes again. A claim that was not made after all would be numbered
        // alike then, and be given back in its place.
        held.unknown().await;
        return Err(error.into());
    }
    Ok(Box::new(held))
}

async fn usable<W: Work>(work: &W, found: Option<W::Output>) -> Result<Option<W::Output>, TaskError> {
    Ok(match found {
        Some(output) if work.is_sound(&output).await? => Some(output),
        _ => None,
    })
}
