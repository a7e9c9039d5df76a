use sea_orm::DatabaseTransaction;

use super::error::{During as _, Error};
use super::statement::{change, rows};
use crate::claim::WorkerId;

const START: &str = "INSERT INTO worker_sessions (id, name, state, beat) VALUES ($1, $2, 'live', 0)";
const BEAT: &str = "UPDATE worker_sessions SET beat = beat + 1 WHERE id = $1 AND state = 'live'";
const END: &str = "UPDATE worker_sessions SET state = 'gone' WHERE id = $1 AND state = 'live'";
/// A beat in between wins.
const DECLARE_GONE: &str = "UPDATE worker_sessions SET state = 'gone' WHERE id = $1 AND beat = $2 AND state = 'live'";
const LIVE: &str = "SELECT id, beat FROM worker_sessions WHERE state = 'live' ORDER BY id";

/// The processes that work, and their signs of life, inside a unit of work. A sign of life is a counter that changed: nobody
/// writes a time here, so nobody can compare two clocks.
#[derive(Debug)]
pub struct WorkerSessions<'s>(pub(super) &'s DatabaseTransaction);

impl WorkerSessions<'_> {
    /// A process has started. `name` is for people.
    pub async fn start(&self, id: &WorkerId, name: &str) -> Result<(), Error> {
        change(self.0, START, vec![id.as_str().into(), name.into()]).await.during("starting a worker session")?;
        Ok(())
    }

    /// It lives. False if it was declared gone: others have its work, and it must stop.
    #[must_use = "a worker that was declared gone must stop"]
    pub async fn beat(&self, id: &WorkerId) -> Result<bool, Error> {
        Ok(change(self.0, BEAT, vec![id.as_str().into()]).await.during("telling that this worker lives")? == 1)
    }

    /// It leaves. What it holds may be taken up at once.
    pub async fn end(&self, id: &WorkerId) -> Result<(), Error> {
        change(self.0, END, vec![id.as_str().into()]).await.during("ending a worker session")?;
        Ok(())
    }

    /// Every process that has not left, with its counter.
    pub async fn live(&self) -> Result<Vec<(WorkerId, i64)>, Error> {
        let live = rows(self.0, LIVE, vec![]).await.during("reading the worker sessions")?;
        let read = |row: &sea_orm::QueryResult| Ok((row.try_get::<String>("", "id")?.into(), row.try_get("", "beat")?));
        live.iter().map(|row| read(row).during("reading the worker sessions")).collect()
    }

    /// Declares a process gone whose counter has stood at `beat` for too long. False if it has moved since.
    pub async fn declare_gone(&self, id: &WorkerId, beat: i64) -> Result<bool, Error> {
        let values = vec![id.as_str().into(), beat.into()];
        Ok(change(self.0, DECLARE_GONE, values).await.during("declaring a worker gone")? == 1)
    }
}
