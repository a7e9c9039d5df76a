use sea_orm::{DatabaseTransaction, QueryResult};
use serde::{Deserialize, Serialize};

use super::error::{During as _, Error};
use super::statement::{change, row, rows};
use crate::claim::WorkerId;
use crate::{Outcome, TaskMessage};

/// Letters in one statement; databases bound the number of parameters.
const BATCH: usize = 500;

/// The oldest of each key, so that what has one key leaves in the order in which it was written, whoever relays it.
const DUE: &str = "
    SELECT id, body FROM outbox AS o
    WHERE worker = $1 AND NOT EXISTS (SELECT 1 FROM outbox AS p WHERE p.ordering_key = o.ordering_key AND p.id < o.id)
    ORDER BY id LIMIT $2";

const HOLDS: &str = "SELECT 1 FROM outbox WHERE worker = $1 LIMIT 1";

const ADOPT: &str = "
    UPDATE outbox SET worker = $1
    WHERE worker <> $1 AND NOT EXISTS (SELECT 1 FROM worker_sessions AS s WHERE s.id = outbox.worker AND s.state = 'live')";

/// What is to be published because of a unit of work, inside it. A relay publishes it afterwards and removes it.
#[derive(Debug)]
pub struct Outbox<'s>(pub(super) &'s DatabaseTransaction);

/// Something to publish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Letter {
    /// Answers a task.
    Reply {
        /// The task.
        to: TaskMessage,
        /// How it ended.
        outcome: Outcome,
    },
    /// Sends a task.
    Task {
        /// The task.
        message: TaskMessage,
    },
}

/// Whose relay publishes a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relayed<'a> {
    /// The first that looks.
    ByAny,
    /// That of this process.
    By(&'a WorkerId),
}

impl Relayed<'_> {
    fn worker(&self) -> &str {
        match self {
            Self::ByAny => "",
            Self::By(worker) => worker.as_str(),
        }
    }
}

impl Letter {
    /// The task that it answers or sends.
    pub fn task(&self) -> &TaskMessage {
        match self {
            Self::Reply { to, .. } => to,
            Self::Task { message } => message,
        }
    }
}

/// A letter as it lies in the outbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// Its number, in the order of writing.
    pub id: i64,
    /// What to publish.
    pub letter: Letter,
}

impl Outbox<'_> {
    /// Leaves letters. Those of one task leave in the order in which they were written.
    pub async fn post(&self, letters: &[(Relayed<'_>, Letter)]) -> Result<(), Error> {
        for letters in letters.chunks(BATCH) {
            let place = |at: usize| format!("(${}, ${}, ${})", 3 * at + 1, 3 * at + 2, 3 * at + 3);
            let rows: Vec<String> = (0..letters.len()).map(place).collect();
            let sql = format!("INSERT INTO outbox (worker, ordering_key, body) VALUES {}", rows.join(", "));
            let values = letters.iter().flat_map(|(relayed, letter)| {
                let body = serde_json::to_string(letter).expect("a letter is plain JSON; this is a bug");
                [relayed.worker().into(), letter.task().id.as_str().into(), body.into()]
            });
            change(self.0, &sql, values.collect()).await.during("writing to the outbox")?;
        }
        Ok(())
    }

    /// What the relay of `worker` may publish now, oldest first, at most `limit`.
    pub async fn due(&self, worker: &WorkerId, limit: u32) -> Result<Vec<Posted>, Error> {
        let values = vec![worker.as_str().into(), i64::from(limit).into()];
        rows(self.0, DUE, values).await.during("reading the outbox")?.iter().map(read).collect()
    }

    /// Whether anything of this worker's is left, due or waiting behind another's letter for the same task.
    pub async fn holds(&self, worker: &WorkerId) -> Result<bool, Error> {
        Ok(row(self.0, HOLDS, vec![worker.as_str().into()]).await.during("looking into the outbox")?.is_some())
    }

    /// Removes what was published.
    pub async fn remove(&self, ids: &[i64]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let numbers: Vec<String> = (1..=ids.len()).map(|number| format!("${number}")).collect();
        let sql = format!("DELETE FROM outbox WHERE id IN ({})", numbers.join(", "));
        change(self.0, &sql, ids.iter().map(|&id| id.into()).collect()).await.during("emptying the outbox")?;
        Ok(())
    }

    /// Takes over what belongs to no relay, or to one that is gone or known no more. How many letters that were.
    pub async fn adopt(&self, worker: &WorkerId) -> Result<u64, Error> {
        change(self.0, ADOPT, vec![worker.as_str().into()]).await.during("taking over an outbox")
    }
}

fn read(row: &QueryResult) -> Result<Posted, Error> {
    let id: i64 = row.try_get("", "id").during("reading the outbox")?;
    let body: String = row.try_get("", "body").during("reading the outbox")?;
    let damaged = |source: serde_json::Error| Error::Damaged { table: "outbox", id: id.to_string(), source: source.into() };
    Ok(Posted { id, letter: serde_json::from_str(&body).map_err(damaged)? })
}
