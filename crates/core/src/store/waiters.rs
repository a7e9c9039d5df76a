use sea_orm::{DatabaseTransaction, QueryResult};

use super::Effects;
use super::error::{During as _, Error};
use super::statement::{change, is_sqlite, row, rows};
use crate::claim::WorkerId;
use crate::{Digest, TaskMessage};

/// Only while somebody computes it. The lock makes the one who settles wait until this row is there, or this statement wait
/// until the claim is settled and then find that it is: a waiter that nobody answers cannot come about.
const ADD: &str = "
    INSERT INTO waiters (computation, task_id, worker, seen, message)
    SELECT $1, $2, $3, $4, $5 FROM (SELECT 1 FROM claims WHERE computation = $1 AND state = 'running' FOR SHARE) AS held
    ON CONFLICT (computation, task_id) DO NOTHING";
/// SQLite has one writer at a time, and no row locks.
const ADD_SQLITE: &str = "
    INSERT INTO waiters (computation, task_id, worker, seen, message)
    SELECT $1, $2, $3, $4, $5 FROM claims WHERE computation = $1 AND state = 'running'
    ON CONFLICT (computation, task_id) DO NOTHING";

/// Whatever else is so: the caller holds what the task waits for.
const PUT: &str = "
    INSERT INTO waiters (computation, task_id, worker, seen, message) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (computation, task_id) DO NOTHING";

const IS_WAITING: &str = "SELECT 1 FROM waiters WHERE computation = $1 AND task_id = $2";

const TAKE_ALL: &str = "DELETE FROM waiters WHERE computation = $1 RETURNING id, worker, seen, message";

/// All who wait; or, where nobody does, the target goes to the task alone: a row of nothing says that it did. After the claim has
/// ended nobody can begin to wait.
const TAKE_ALL_OR_ADVANCE: &str = "
    WITH taken AS (DELETE FROM waiters WHERE computation = $1 RETURNING id, worker, seen, message),
    advanced AS (
        INSERT INTO effects (target, seen, task_id)
        SELECT $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM waiters WHERE computation = $1)
        ON CONFLICT (target) DO UPDATE SET seen = excluded.seen, task_id = excluded.task_id WHERE effects.seen <= excluded.seen
        RETURNING 1)
    SELECT id, worker, seen, message FROM taken UNION ALL SELECT NULL, NULL, NULL, NULL FROM advanced";

const FIRST: &str = "SELECT id, worker, seen, message FROM waiters WHERE computation = $1 ORDER BY id LIMIT 1";

/// Who waits for what is being computed, inside a unit of work.
#[derive(Debug)]
pub struct Waiters<'s>(pub(super) &'s DatabaseTransaction);

/// A task that waits for somebody else's computation.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiter {
    /// The process that its delivery came to, and whose relay answers it.
    pub worker: WorkerId,
    /// Its place in the order of arrival.
    pub seen: i64,
    /// The task, with whatever its broker needs to answer it.
    pub message: TaskMessage,
}

impl Waiters<'_> {
    /// Makes the task wait for the computation. False if nobody computes it any more: look for its result, or take the claim.
    #[must_use = "a task that does not wait must do something else"]
    pub async fn add(&self, computation: &Digest, waiter: &Waiter) -> Result<bool, Error> {
        let add = if is_sqlite(self.0) { ADD_SQLITE } else { ADD };
        let added = change(self.0, add, values(computation, waiter)).await.during("adding a waiter")? == 1;
        // None added may also mean that this very task waits already, and was delivered again.
        Ok(added || self.holds(computation, &waiter.message.id).await?)
    }

    /// Makes the task wait for what the caller holds in this unit of work. A task that waits already goes on waiting.
    pub(super) async fn put(&self, waits_for: &Digest, waiter: &Waiter) -> Result<(), Error> {
        change(self.0, PUT, values(waits_for, waiter)).await.during("adding a waiter")?;
        Ok(())
    }

    /// Whether the task waits for the computation.
    pub async fn holds(&self, computation: &Digest, task_id: &str) -> Result<bool, Error> {
        let key = vec![computation.as_str().into(), task_id.into()];
        Ok(row(self.0, IS_WAITING, key).await.during("looking for a waiter")?.is_some())
    }

    /// Takes all who wait for the computation, first come first. For the unit of work that settles it, after the claim ended.
    pub async fn take_all(&self, computation: &Digest) -> Result<Vec<Waiter>, Error> {
        in_order(rows(self.0, TAKE_ALL, vec![computation.as_str().into()]).await.during("taking the waiters")?)
    }

    /// The same; where nobody waits, advances `target` to the task of place `seen` as [`super::Effects::advance`] does, and says
    /// whether it did. One statement where the database has such.
    pub async fn take_all_or_advance(
        &self,
        computation: &Digest,
        (target, seen, task_id): (&str, i64, &str),
    ) -> Result<(Vec<Waiter>, bool), Error> {
        if is_sqlite(self.0) {
            let taken = self.take_all(computation).await?;
            let advanced = taken.is_empty() && Effects(self.0).advance(target, seen, task_id).await?;
            return Ok((taken, advanced));
        }
        let values = vec![computation.as_str().into(), target.into(), seen.into(), task_id.into()];
        let mut taken = rows(self.0, TAKE_ALL_OR_ADVANCE, values).await.during("taking the waiters")?;
        let all = taken.len();
        taken.retain(|row| row.try_get::<Option<i64>>("", "id").is_ok_and(|id| id.is_some()));
        let advanced = taken.len() < all;
        Ok((in_order(taken)?, advanced))
    }

    /// The first who waits for the computation; stays where it is.
    pub async fn first(&self, computation: &Digest) -> Result<Option<Waiter>, Error> {
        let first = row(self.0, FIRST, vec![computation.as_str().into()]).await.during("looking for a waiter")?;
        first.as_ref().map(read).transpose()
    }
}

/// First come, first.
fn in_order(mut taken: Vec<QueryResult>) -> Result<Vec<Waiter>, Error> {
    taken.sort_by_cached_key(|row| row.try_get::<i64>("", "id").unwrap_or_default());
    taken.iter().map(read).collect()
}

fn values(waits_for: &Digest, waiter: &Waiter) -> Vec<sea_orm::Value> {
    let message = serde_json::to_string(&waiter.message).expect("a task message is plain JSON; this is a bug");
    let key = [waits_for.as_str().into(), waiter.message.id.as_str().into()];
    key.into_iter().chain([waiter.worker.as_str().into(), waiter.seen.into(), message.into()]).collect()
}

fn read(row: &QueryResult) -> Result<Waiter, Error> {
    let text = |column| row.try_get::<String>("", column).during("reading a waiter");
    let damaged = |source: serde_json::Error| Error::Damaged {
        table: "waiters",
        id: row.try_get::<i64>("", "id").unwrap_or_default().to_string(),
        source: source.into(),
    };
    let seen = row.try_get("", "seen").during("reading a waiter")?;
    Ok(Waiter { worker: text("worker")?.into(), seen, message: serde_json::from_str(&text("message")?).map_err(damaged)? })
}
