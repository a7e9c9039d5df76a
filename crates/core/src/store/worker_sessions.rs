use std::time::Duration;

use sea_orm::{DatabaseTransaction, DbErr, QueryResult};

use super::error::{During as _, Error};
use super::statement::{change, is_sqlite, row, rows, timed};
use crate::claim::WorkerId;
use crate::clock::{Clock as _, Reading, SystemClock};
use crate::gauges;
use crate::liveness::{Lock, Rhythm, Sign};

const START: &str = "
    INSERT INTO worker_sessions (id, name, state, beat, beat_ms, ttl_ms, locks, started_at_ms, beat_at_ms)
    VALUES ($1, $2, 'live', 0, $3, $4, TRUE, {now}, {now})";
const BEAT: &str = "
    UPDATE worker_sessions SET beat = beat + 1, clock_ahead_ms = $2, mail_lag_ms = $3, ready = $4, gauges = $5, beat_at_ms = {now}
    WHERE id = $1 AND state = 'live'";
const END: &str = "UPDATE worker_sessions SET state = 'gone', beat_at_ms = {now} WHERE id = $1 AND state = 'live'";
/// A beat in between wins.
const DECLARE_GONE: &str = "UPDATE worker_sessions SET state = 'gone', beat_at_ms = {now} WHERE id = $1 AND beat = $2 AND state = 'live'";

/// On Postgres a session's lock is an advisory one: "viva" in ASCII, and the id's hash. Two ids with one hash hide each other's
/// end until the time to live; of four billion hashes a fleet uses a few hundred.
const LIVE: &str = "
    SELECT id, beat, beat_ms, ttl_ms, locks, (hashtext(id)::bigint & 4294967295) IN (
        SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = 1986622049 AND objsubid = 2 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    ) AS held
    FROM worker_sessions WHERE state = 'live' ORDER BY id";
/// SQLite's are files: whoever asks this looks for them itself.
const LIVE_SQLITE: &str = "SELECT id, beat, beat_ms, ttl_ms, locks, FALSE AS held FROM worker_sessions WHERE state = 'live' ORDER BY id";
/// Advisory locks count how often they were taken, so it is taken only where this connection has none.
const HOLD_LOCK: &str = "
    SELECT pg_try_advisory_lock(1986622049, hashtext($1)) WHERE NOT EXISTS (
        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 1986622049
            AND objid::bigint = hashtext($1)::bigint & 4294967295 AND objsubid = 2 AND granted AND pid = pg_backend_pid())";

/// A worker without a row counts as gone: rows are pruned, and a process that slept for a week may still take a claim.
const HAVE_LEFT: &str = "
    SELECT 1 FROM claims WHERE worker > '' AND NOT EXISTS (SELECT 1 FROM worker_sessions AS s WHERE s.id = claims.worker AND s.state = 'live')
    UNION ALL
    SELECT 1 FROM outbox WHERE NOT EXISTS (SELECT 1 FROM worker_sessions AS s WHERE s.id = outbox.worker AND s.state = 'live')
    LIMIT 1";

const ALL: &str = "
    SELECT id, name, state, beat, beat_ms, ttl_ms, ready, clock_ahead_ms, mail_lag_ms, gauges, {now} - beat_at_ms AS silent_ms, (
        SELECT COUNT(*) FROM claims WHERE claims.worker = worker_sessions.id AND claims.state = 'running'
    ) AS claims FROM worker_sessions ORDER BY started_at_ms, id";

const BACKLOG: &str = "
    SELECT
        (SELECT COUNT(*) FROM claims WHERE worker > '' AND NOT EXISTS (
            SELECT 1 FROM worker_sessions AS s WHERE s.id = claims.worker AND s.state = 'live')) AS claims,
        (SELECT COUNT(*) FROM outbox WHERE NOT EXISTS (
            SELECT 1 FROM worker_sessions AS s WHERE s.id = outbox.worker AND s.state = 'live')) AS letters,
        (SELECT COUNT(*) FROM waiters WHERE NOT EXISTS (
            SELECT 1 FROM claims AS c WHERE c.computation = waiters.computation AND c.state <> 'settled')) AS waiters";

/// The processes that work, and their signs of life, inside a unit of work. A sign of life is a counter that changed: no time
/// that is written here is compared with another clock.
#[derive(Debug)]
pub struct WorkerSessions<'s>(pub(super) &'s DatabaseTransaction);

/// What a process tells of itself with a sign of life, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vitals {
    /// How far its clock is ahead of the database's; none where nobody knows.
    pub clock_ahead_ms: Option<i64>,
    /// How late it reads its mail.
    pub mail_lag_ms: i64,
    /// Its models are warm.
    pub ready: bool,
}

/// What nobody is answerable for at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Claims of processes that are gone.
    pub orphaned_claims: i64,
    /// Letters that no live process publishes.
    pub orphaned_letters: i64,
    /// Tasks that wait for a computation which nobody holds or is about to take up.
    pub waiters_of_nobody: i64,
}

/// A process as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerSession {
    /// Its id.
    pub id: WorkerId,
    /// Its name.
    pub name: String,
    /// It has neither left nor been declared gone.
    pub live: bool,
    /// Signs of life so far.
    pub beat: i64,
    /// How it beats.
    pub rhythm: Rhythm,
    /// What it told of itself last.
    pub vitals: Vitals,
    /// Since its last sign of life, or since it went, by the database's clock alone.
    pub silent_ms: i64,
    /// Claims that it holds.
    pub claims: i64,
    /// Numbers about its work, by name.
    pub gauges: serde_json::Map<String, serde_json::Value>,
}

impl WorkerSessions<'_> {
    /// A process has started. `name` is for people.
    pub async fn start(&self, id: &WorkerId, name: &str, rhythm: Rhythm) -> Result<(), Error> {
        let (beat_ms, ttl_ms) = (rhythm.beat.as_millis() as i64, rhythm.ttl.as_millis() as i64);
        let values = vec![id.as_str().into(), name.into(), beat_ms.into(), ttl_ms.into()];
        change(self.0, &timed(self.0, START), values).await.during("starting a worker session")?;
        Ok(())
    }

    /// It lives. False if it was declared gone: others have its work, and it must stop.
    #[must_use = "a worker that was declared gone must stop"]
    pub async fn beat(&self, id: &WorkerId, vitals: &Vitals) -> Result<bool, Error> {
        let values = vec![
            id.as_str().into(),
            vitals.clock_ahead_ms.into(),
            vitals.mail_lag_ms.into(),
            vitals.ready.into(),
            gauges::written().into(),
        ];
        Ok(change(self.0, &timed(self.0, BEAT), values).await.during("telling that this worker lives")? == 1)
    }

    /// It leaves. What it holds may be taken up at once.
    pub async fn end(&self, id: &WorkerId) -> Result<(), Error> {
        change(self.0, &timed(self.0, END), vec![id.as_str().into()]).await.during("ending a worker session")?;
        Ok(())
    }

    /// Every process that has not left. On SQLite every lock seems free: they are files.
    pub async fn live(&self) -> Result<Vec<Sign>, Error> {
        let live = rows(self.0, if is_sqlite(self.0) { LIVE_SQLITE } else { LIVE }, vec![]).await.during("reading the worker sessions")?;
        live.iter().map(|row| sign(row).during("reading the worker sessions")).collect()
    }

    /// Declares a process gone whose counter has stood at `beat` for too long. False if it has moved since.
    pub async fn declare_gone(&self, id: &WorkerId, beat: i64) -> Result<bool, Error> {
        let values = vec![id.as_str().into(), beat.into()];
        Ok(change(self.0, &timed(self.0, DECLARE_GONE), values).await.during("declaring a worker gone")? == 1)
    }

    /// Whether those who are gone left claims or letters that nobody has taken up.
    pub async fn have_left(&self) -> Result<bool, Error> {
        Ok(row(self.0, HAVE_LEFT, vec![]).await.during("looking for what gone workers left")?.is_some())
    }

    /// All of them, the gone ones too until they are pruned, oldest first: for people.
    pub async fn all(&self) -> Result<Vec<WorkerSession>, Error> {
        let all = rows(self.0, &timed(self.0, ALL), vec![]).await.during("reading the worker sessions")?;
        all.iter().map(|row| read(row).during("reading the worker sessions")).collect()
    }

    /// What those who are gone left, counted: for people.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        let counted = row(self.0, BACKLOG, vec![]).await.during("counting what gone workers left")?;
        let read = |row: &QueryResult| {
            let number = |column| row.try_get("", column);
            Ok::<_, DbErr>(Backlog {
                orphaned_claims: number("claims")?,
                orphaned_letters: number("letters")?,
                waiters_of_nobody: number("waiters")?,
            })
        };
        counted.as_ref().map(read).transpose().during("counting what gone workers left").map(Option::unwrap_or_default)
    }

    /// Takes the lock that this connection holds as long as it lasts, unless it has it. Nothing on SQLite.
    pub(super) async fn hold_lock(&self, id: &WorkerId) -> Result<(), Error> {
        if !is_sqlite(self.0) {
            row(self.0, HOLD_LOCK, vec![id.as_str().into()]).await.during("taking the lock of a worker session")?;
        }
        Ok(())
    }

    /// Reads the database's clock; none on SQLite, whose clock is this machine's.
    pub(super) async fn clock(&self) -> Result<Option<Reading>, Error> {
        const CLOCK: &str = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) AS us";
        if is_sqlite(self.0) {
            return Ok(None);
        }
        let asked = SystemClock.monotonic();
        let answer = row(self.0, CLOCK, vec![]).await.during("reading the database's clock")?;
        let answered = SystemClock.monotonic();
        let theirs_us = answer.map(|row| row.try_get("", "us")).transpose().during("reading the database's clock")?;
        Ok(theirs_us.map(|theirs_us| Reading { asked, answered, theirs_us }))
    }
}

fn sign(row: &QueryResult) -> Result<Sign, DbErr> {
    let id = row.try_get::<String>("", "id")?.into();
    let lock = match (row.try_get("", "locks")?, row.try_get("", "held")?) {
        (false, _) => Lock::None,
        (true, false) => Lock::Free,
        (true, true) => Lock::Held,
    };
    Ok(Sign { id, beat: row.try_get("", "beat")?, rhythm: rhythm(row)?, lock })
}

fn rhythm(row: &QueryResult) -> Result<Rhythm, DbErr> {
    let ms = |column| Ok::<_, DbErr>(Duration::from_millis(row.try_get::<i64>("", column)?.max(1) as u64));
    Ok(Rhythm { beat: ms("beat_ms")?, ttl: ms("ttl_ms")? })
}

fn read(row: &QueryResult) -> Result<WorkerSession, DbErr> {
    let vitals = Vitals {
        clock_ahead_ms: row.try_get("", "clock_ahead_ms")?,
        mail_lag_ms: row.try_get("", "mail_lag_ms")?,
        ready: row.try_get("", "ready")?,
    };
    Ok(WorkerSession {
        id: row.try_get::<String>("", "id")?.into(),
        name: row.try_get("", "name")?,
        live: row.try_get::<String>("", "state")? == "live",
        beat: row.try_get("", "beat")?,
        rhythm: rhythm(row)?,
        vitals,
        silent_ms: row.try_get("", "silent_ms")?,
        claims: row.try_get("", "claims")?,
        gauges: gauges_of(row)?,
    })
}

/// Those of this worker, of all that its process told. For people: what cannot be read is not shown.
fn gauges_of(row: &QueryResult) -> Result<serde_json::Map<String, serde_json::Value>, DbErr> {
    let (name, told): (String, String) = (row.try_get("", "name")?, row.try_get("", "gauges")?);
    let mut told: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&told).unwrap_or_default();
    Ok(told.remove(&name).and_then(|own| own.as_object().cloned()).unwrap_or_default())
}
