//! A computation ends: its result, what it changes, and who is told.

use viva_core::claim::{Claim, End};
use viva_core::store::{Letter, Relayed, Session, Waiter};
use viva_core::task::EVALUATE_PART;
use viva_core::{Digest, ErrorClass, Outcome, Task, TaskError, TaskMessage};

use super::{Flight, Flown, Work};
use crate::handler::Answer;

impl Flight {
    /// Ends the claim with its result. A commit whose outcome is unknown, since the connection broke, fails here, and again when
    /// the claim is given up if it was made: the task comes again and finds the result.
    pub(super) async fn settle<W: Work>(
        &self,
        flown: &Flown<'_, W>,
        claim: &Claim,
        made: W::Output,
        cached: bool,
    ) -> Result<Answer, TaskError> {
        let unit = self.store.write().await?;
        if !unit.claims().end(claim, End::Settled).await? {
            return Err(TaskError::new(ErrorClass::LostClaim, "somebody else computes this by now"));
        }
        let output = if cached { made } else { flown.work.keep(&unit, made).await? };
        let waiters = self.show_alone(&unit, flown, &output).await?;
        if !waiters.is_empty() {
            show_newest(&unit, flown, &waiters, &output).await?;
        }
        unit.outbox().post(&answers(flown, &waiters, &output)?).await?;
        tracing::debug!(step = "settling", "single flight");
        unit.commit().await?;
        tracing::debug!(step = "settled", "single flight");
        metrics::counter!("viva_computations_total").increment(u64::from(!cached));
        metrics::counter!("viva_waiters_answered_total").increment(waiters.len() as u64);
        let waited = waiters.iter().any(|waiter| waiter.message.id == flown.context.message.id);
        Ok(if waited { Answer::Later } else { Answer::Now(flown.work.answer(flown.task, &output, cached)) })
    }

    /// Takes all who wait. Where nobody does, as mostly, the task's own target is changed at once.
    async fn show_alone<W: Work>(&self, unit: &Session, flown: &Flown<'_, W>, output: &W::Output) -> Result<Vec<Waiter>, TaskError> {
        let Some(target) = flown.work.target(flown.task) else {
            return Ok(unit.waiters().take_all(flown.computation).await?);
        };
        let own = (target.as_str(), flown.seen, flown.context.message.id.as_str());
        let (waiters, advanced) = unit.waiters().take_all_or_advance(flown.computation, own).await?;
        if advanced {
            flown.work.show(unit, flown.task, output).await?;
        }
        Ok(waiters)
    }
}

/// Changes each target once, to the task that arrived last.
async fn show_newest<W: Work>(unit: &Session, flown: &Flown<'_, W>, waiters: &[Waiter], output: &W::Output) -> Result<(), TaskError> {
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

fn answers<'w, W: Work>(flown: &Flown<'_, W>, waiters: &'w [Waiter], output: &W::Output) -> Result<Vec<(Relayed<'w>, Letter)>, TaskError> {
    let answer = |waiter: &'w Waiter| {
        let task = Task::bind(&waiter.message)?;
        let outcome = Outcome::Success(flown.work.answer(&task, output, true));
        Ok((Relayed::By(&waiter.worker), tell(&waiter.message, outcome)))
    };
    waiters.iter().map(answer).collect()
}

/// The outcome for one who waited. A part of a report has nobody to tell: it is sent again, finds the result, and lands.
pub(super) fn tell(message: &TaskMessage, outcome: Outcome) -> Letter {
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
