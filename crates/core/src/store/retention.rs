//! What may be forgotten, and when.
//!
//! Owns the deletes of Viva's own bookkeeping; results, clips and records are not bookkeeping. Promises that nothing is forgotten
//! that somebody still waits for, holds or has to publish, and that each unit of work is small. Compares the database's clock with
//! itself only; a jump of that clock forgets too early or too late, and what that costs stands beside each statement.

use std::time::Duration;

use sea_orm::Value;

use super::error::{During as _, Error};
use super::statement::{change, timed};
use super::{Session, Store};

/// Rows in one unit of work.
const BATCH: i64 = 1000;

/// For how long bookkeeping is kept after its last use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Claims that are settled. A computation that is asked for again begins with a fresh row; the fence needs none of the old
    /// ones, since no process ever has the id of another one.
    pub claims: Duration,
    /// Sessions of processes that are gone: people may want to see them. A process that sleeps for longer finds itself gone all
    /// the same, and what it takes then is rescued.
    pub sessions: Duration,
    /// The order of arrival. A task that its broker delivers once more after this time counts as a new one, and could replace a
    /// newer one: longer than any message lives.
    pub arrivals: Duration,
    /// News, for those who come back; who comes later is told to read everything again.
    pub events: Duration,
    /// The names that clients give their requests.
    pub idempotency_keys: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            claims: Duration::from_hours(24),
            sessions: Duration::from_hours(7 * 24),
            arrivals: Duration::from_hours(60 * 24),
            events: Duration::from_hours(7 * 24),
            idempotency_keys: Duration::from_hours(24),
        }
    }
}

/// How many rows were forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Claims.
    pub claims: u64,
    /// Sessions of gone processes.
    pub sessions: u64,
    /// Places in the order of arrival.
    pub arrivals: u64,
    /// Targets whose task is forgotten: whatever comes next is newer, and may replace it without being told so.
    pub effects: u64,
    /// News.
    pub events: u64,
    /// Names of requests.
    pub idempotency_keys: u64,
}

const CLAIMS: &str = "
    DELETE FROM claims WHERE computation IN (
        SELECT computation FROM claims WHERE state = 'settled' AND ended_at_ms < {now} - $1
            AND NOT EXISTS (SELECT 1 FROM waiters AS w WHERE w.computation = claims.computation) LIMIT $2)
    AND state = 'settled'";

const SESSIONS: &str = "
    DELETE FROM worker_sessions WHERE id IN (
        SELECT id FROM worker_sessions AS s WHERE state = 'gone' AND beat_at_ms < {now} - $1
            AND NOT EXISTS (SELECT 1 FROM claims AS c WHERE c.worker = s.id)
            AND NOT EXISTS (SELECT 1 FROM waiters AS w WHERE w.worker = s.id)
            AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.worker = s.id) LIMIT $2)";

const ARRIVALS: &str = "
    DELETE FROM arrivals WHERE seen IN (
        SELECT seen FROM arrivals AS a WHERE came_at_ms < {now} - $1
            AND NOT EXISTS (SELECT 1 FROM waiters AS w WHERE w.task_id = a.task_id)
            AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.ordering_key = a.task_id) LIMIT $2)";

/// Every task that is known, and every one to come, arrived later than what such a target shows. The first parameter is not needed.
const EFFECTS: &str = "
    DELETE FROM effects WHERE target IN (
        SELECT target FROM effects WHERE seen < (SELECT MIN(seen) FROM arrivals) AND $1 >= 0 LIMIT $2)";

/// The heads of jobs, which nobody asks for again; others stay, so that a topic's numbers never begin again.
const JOBS: &str = "
    DELETE FROM event_heads WHERE topic IN (
        SELECT topic FROM event_heads AS h WHERE topic LIKE 'job/%' AND $1 >= 0
            AND NOT EXISTS (SELECT 1 FROM events AS e WHERE e.topic = h.topic) LIMIT $2)";

const EVENTS: &str = "
    DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at_ms < {now} - $1 LIMIT $2)";

const IDEMPOTENCY_KEYS: &str = "
    DELETE FROM idempotency_keys WHERE (owner, name) IN (SELECT owner, name FROM idempotency_keys WHERE at_ms < {now} - $1 LIMIT $2)";

impl Store {
    /// Forgets what `retention` lets go. Any number of workers may do so at once.
    pub async fn prune(&self, retention: Retention) -> Result<Pruned, Error> {
        Ok(Pruned {
            claims: self.prune_all(CLAIMS, retention.claims).await?,
            sessions: self.prune_all(SESSIONS, retention.sessions).await?,
            arrivals: self.prune_all(ARRIVALS, retention.arrivals).await?,
            effects: self.prune_all(EFFECTS, Duration::ZERO).await?,
            events: self.prune_all(EVENTS, retention.events).await? + self.prune_all(JOBS, Duration::ZERO).await?,
            idempotency_keys: self.prune_all(IDEMPOTENCY_KEYS, retention.idempotency_keys).await?,
        })
    }

    async fn prune_all(&self, sql: &str, kept: Duration) -> Result<u64, Error> {
        let mut all = 0;
        loop {
            let unit = self.write().await?;
            let pruned = unit.prune_batch(sql, kept).await?;
            unit.commit().await?;
            all += pruned;
            if pruned < BATCH as u64 {
                return Ok(all);
            }
        }
    }
}

impl Session {
    async fn prune_batch(&self, sql: &str, kept: Duration) -> Result<u64, Error> {
        let values: Vec<Value> = vec![(kept.as_millis() as i64).into(), BATCH.into()];
        change(self.connection(), &timed(self.connection(), sql), values).await.during("forgetting what is over")
    }
}
