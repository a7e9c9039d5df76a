use sea_orm::{DatabaseTransaction, QueryResult};

use super::effects::{ARRIVE, Arrivals};
use super::error::{During as _, Error};
use super::statement::{change, is_sqlite, row, rows, timed};
use crate::Digest;
use crate::claim::{Claim, End, Taken, WorkerId};

/// Nobody holds it or somebody does; in one statement, so that of a thousand that try at once one succeeds. The conflict
/// locks the row and looks again: a claim that was settled meanwhile is taken, one that was taken meanwhile is not.
const TAKE: &str = "
    INSERT INTO claims (computation, state, worker, epoch, attempts) VALUES ($1, 'running', $2, 1, 1)
    ON CONFLICT (computation) DO UPDATE SET
        state = 'running', worker = excluded.worker, epoch = claims.epoch + 1,
        attempts = CASE claims.state WHEN 'open' THEN claims.attempts + 1 ELSE 1 END
    WHERE claims.state <> 'running'
    RETURNING epoch, attempts";

/// The fence: under an older epoch, or after a rescue, it changes no row.
const END: &str = "
    UPDATE claims SET state = $4, worker = CASE $4 WHEN 'settled' THEN NULL ELSE worker END, attempts = attempts - $5, ended_at_ms = {now}
    WHERE computation = $1 AND worker = $2 AND epoch = $3 AND state = 'running'";

/// The usual task finds nobody at its computation, and nobody was: it takes the claim in the statement that notes its arrival. One
/// that is running or settled is looked at and not locked: those who ask for a result that is there must not wait for each other.
/// A claim that begins or ends while this looks is left to the conflict, which looks again.
const TAKE_FREE: &str = "
    INSERT INTO claims (computation, state, worker, epoch, attempts)
    SELECT $1, 'running', $2, 1, 1 WHERE NOT EXISTS (SELECT 1 FROM claims WHERE computation = $1 AND state <> 'open')
    ON CONFLICT (computation) DO UPDATE SET
        state = 'running', worker = excluded.worker, epoch = claims.epoch + 1, attempts = claims.attempts + 1
    WHERE claims.state = 'open'
    RETURNING epoch, attempts";

const IS_HELD: &str = "SELECT 1 FROM claims WHERE computation = $1 AND state = 'running'";

/// Those of workers that have left, were declared gone, or are known no more. A settled claim has no worker.
const RESCUE: &str = "
    UPDATE claims SET state = 'open', worker = $1
    WHERE worker > '' AND NOT EXISTS (SELECT 1 FROM worker_sessions AS s WHERE s.id = claims.worker AND s.state = 'live')
    RETURNING computation";

/// Who computes what, inside a unit of work. A row is `running` (its worker holds it), `open` (it has begun, and its worker is
/// answerable for the next attempt) or `settled` (it is over).
#[derive(Debug)]
pub struct Claims<'s>(pub(super) &'s DatabaseTransaction);

impl Claims<'_> {
    /// Takes the computation, unless somebody holds it.
    pub async fn take(&self, computation: &Digest, worker: &WorkerId) -> Result<Taken, Error> {
        let values = vec![computation.as_str().into(), worker.as_str().into()];
        let taken = row(self.0, TAKE, values).await.during("taking a claim")?;
        let claim = taken.map(|row| claimed(&row, computation, worker)).transpose()?.flatten();
        Ok(claim.map_or(Taken::Held, Taken::Ours))
    }

    /// Notes the task's place in the order of arrival, and takes the computation if it was never begun, or if it was and nobody
    /// holds it. Nothing is taken of one that is settled: it may have a result. One statement where the database has such.
    pub async fn arrive(&self, computation: &Digest, worker: &WorkerId, task_id: &str) -> Result<(i64, Option<Claim>), Error> {
        let key = [computation.as_str().into(), worker.as_str().into()];
        if is_sqlite(self.0) {
            let seen = Arrivals(self.0).place(task_id).await?;
            let taken = row(self.0, TAKE_FREE, key.into()).await.during("taking a claim")?;
            return Ok((seen, taken.map(|row| claimed(&row, computation, worker)).transpose()?.flatten()));
        }
        let both = timed(self.0, &ARRIVE.replace("$1", "$3"));
        let both =
            format!("WITH arrived AS ({both}), taken AS ({TAKE_FREE}) SELECT seen, epoch, attempts FROM arrived LEFT JOIN taken ON true");
        let values = key.into_iter().chain([task_id.into()]).collect();
        let row = row(self.0, &both, values).await.during("noting a task's arrival")?;
        let row = row.ok_or(Error::NotFound { table: "arrivals", id: 0 })?;
        Ok((row.try_get("", "seen").during("reading a task's arrival")?, claimed(&row, computation, worker)?))
    }

    /// Whether somebody holds the computation. Waits for nobody.
    pub async fn is_held(&self, computation: &Digest) -> Result<bool, Error> {
        let held = row(self.0, IS_HELD, vec![computation.as_str().into()]).await.during("looking for a claim")?;
        Ok(held.is_some())
    }

    /// Ends a claim in the unit of work that stores what came of it. False if it was lost: roll back, and throw away what was
    /// computed.
    #[must_use = "a lost claim must not commit"]
    pub async fn end(&self, claim: &Claim, end: End) -> Result<bool, Error> {
        let (state, uncounted) = match end {
            End::Settled => ("settled", 0_i64),
            End::Failed => ("open", 0),
            End::HandedBack => ("open", 1),
        };
        let key = [claim.computation.as_str().into(), claim.worker.as_str().into(), claim.epoch.into()];
        let values = key.into_iter().chain([state.into(), uncounted.into()]).collect();
        Ok(change(self.0, &timed(self.0, END), values).await.during("ending a claim")? == 1)
    }

    /// Opens every claim whose worker is gone, and makes `worker` answerable for them. Returns the computations: each needs
    /// somebody to take it up.
    pub async fn rescue(&self, worker: &WorkerId) -> Result<Vec<Digest>, Error> {
        let rescued = rows(self.0, RESCUE, vec![worker.as_str().into()]).await.during("rescuing claims")?;
        let digest = |text: String| text.parse().map_err(|source: crate::digest::NotADigest| damaged(&text, source));
        rescued.iter().map(|row| digest(row.try_get("", "computation").during("reading a claim")?)).collect()
    }
}

/// The claim in a row that has one.
fn claimed(row: &QueryResult, computation: &Digest, worker: &WorkerId) -> Result<Option<Claim>, Error> {
    let read = || Ok((row.try_get::<Option<i64>>("", "epoch")?, row.try_get::<Option<i64>>("", "attempts")?));
    let (epoch, attempts) = read().during("reading a claim")?;
    let claim = |epoch, attempts| Claim { computation: computation.clone(), worker: worker.clone(), epoch, attempts };
    Ok(epoch.map(|epoch| claim(epoch, attempts.unwrap_or_default() as u32)))
}

fn damaged(id: &str, source: crate::digest::NotADigest) -> Error {
    Error::Damaged { table: "claims", id: id.to_owned(), source: source.into() }
}
