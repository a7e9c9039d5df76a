//! A worker process' own lines to the database: one for its signs of life, one for its looks at the others.
//!
//! Owns the two connections and the lock that is free when the process has ended: an advisory one of the first connection on
//! Postgres, a locked file beside an SQLite database. Promises that neither line waits for work or for the other. Judges
//! nobody: that is [`crate::liveness`]'s business. A line belongs to the runtime that opened it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::address::Address;
use super::worker_sessions::Vitals;
use super::{Error, Store};
use crate::claim::WorkerId;
use crate::clock::Reading;
use crate::liveness::{Lock, Rhythm, Sign, Verdict};

/// The line of one worker's signs of life.
#[derive(Debug)]
pub struct Pulse {
    worker: WorkerId,
    rhythm: Rhythm,
    line: Store,
    /// SQLite's lock: held while the file is open.
    _lock: Option<Locked>,
}

/// What a sign of life brought.
#[derive(Debug, Clone, Copy)]
pub struct Beat {
    /// False if this worker was declared gone: others have its work, and it must stop.
    pub lives: bool,
    /// The database's clock, where it is another one.
    pub clock: Option<Reading>,
}

/// The line over which one worker looks at the others.
#[derive(Debug)]
pub struct Lookout {
    worker: WorkerId,
    rhythm: Rhythm,
    line: Store,
}

/// What a look found.
#[derive(Debug, Clone)]
pub struct Look {
    /// Every other process that has not left.
    pub others: Vec<Sign>,
    /// Those who are gone left claims or letters that nobody has taken up.
    pub left: bool,
}

impl Store {
    /// Opens the line of the worker `id`, which has not started yet and will beat like this.
    pub async fn pulse(&self, id: &WorkerId, rhythm: Rhythm) -> Result<Pulse, Error> {
        let lock = match &self.address {
            Address::Sqlite(path) => Some(Locked::make(path, id)?),
            Address::Postgres(_) => None,
        };
        Ok(Pulse { worker: id.clone(), rhythm, line: self.line(rhythm).await?, _lock: lock })
    }

    /// Opens the line over which the worker `id` looks at the others.
    pub async fn lookout(&self, id: &WorkerId, rhythm: Rhythm) -> Result<Lookout, Error> {
        Ok(Lookout { worker: id.clone(), rhythm, line: self.line(rhythm).await? })
    }

    /// A sign of life that is cut off in the middle keeps its row from those who declare its worker gone, and its connection keeps
    /// the lock. The server ends it when the worker's own trust has ended: not sooner, and before the time to live is over.
    async fn line(&self, rhythm: Rhythm) -> Result<Self, Error> {
        Ok(Self { db: self.address.open_line(rhythm.ends()).await?, ..self.clone() })
    }
}

impl Pulse {
    /// The worker starts. `name` is for people.
    pub async fn start(&self, name: &str) -> Result<(), Error> {
        let unit = self.line.write().await?;
        unit.worker_sessions().hold_lock(&self.worker).await?;
        unit.worker_sessions().start(&self.worker, name, self.rhythm).await?;
        unit.commit().await
    }

    /// A sign of life.
    pub async fn beat(&self, vitals: &Vitals) -> Result<Beat, Error> {
        let unit = self.line.write().await?;
        let sessions = unit.worker_sessions();
        let clock = sessions.clock().await?;
        // Each time: a connection that was made again has none.
        sessions.hold_lock(&self.worker).await?;
        let lives = sessions.beat(&self.worker, vitals).await?;
        unit.commit().await?;
        Ok(Beat { lives, clock })
    }

    /// The worker leaves.
    pub async fn end(&self) -> Result<(), Error> {
        let unit = self.line.write().await?;
        unit.worker_sessions().end(&self.worker).await?;
        unit.commit().await
    }

    /// The line anew, for when nothing comes back over the old one: that a connection was cut off without a word is found out by
    /// TCP after many minutes. A lock that the old one holds is the server's to free; a file stays locked.
    pub async fn reopen(&mut self) -> Result<(), Error> {
        // The old one is not closed, which would wait for the other side; it ends with what still waits on it.
        self.line = self.line.line(self.rhythm).await?;
        Ok(())
    }
}

impl Lookout {
    /// A look at the others.
    pub async fn look(&self) -> Result<Look, Error> {
        let unit = self.line.read().await?;
        let (mut others, left) = (unit.worker_sessions().live().await?, unit.worker_sessions().have_left().await?);
        unit.rollback().await?;
        others.retain(|sign| sign.id != self.worker);
        if let Address::Sqlite(path) = &self.line.address {
            for sign in &mut others {
                if sign.lock == Lock::Free && is_locked(path, &sign.id) {
                    sign.lock = Lock::Held;
                }
            }
        }
        Ok(Look { others, left })
    }

    /// Declares a worker gone, unless its counter has moved since the verdict.
    pub async fn declare_gone(&self, verdict: &Verdict) -> Result<bool, Error> {
        let unit = self.line.write().await?;
        let declared = unit.worker_sessions().declare_gone(&verdict.id, verdict.beat).await?;
        unit.commit().await?;
        if let (true, Address::Sqlite(path)) = (declared, &self.line.address) {
            drop(fs::remove_file(lock_path(path, &verdict.id)));
        }
        Ok(declared)
    }

    /// Units of work over this line.
    pub fn store(&self) -> &Store {
        &self.line
    }

    /// The line anew, as [`Pulse::reopen`].
    pub async fn reopen(&mut self) -> Result<(), Error> {
        self.line = self.line.line(self.rhythm).await?;
        Ok(())
    }
}

/// A file that is locked while its process runs, and removed when it leaves in good order.
#[derive(Debug)]
struct Locked {
    path: PathBuf,
    _file: File,
}

impl Locked {
    fn make(database: &Path, id: &WorkerId) -> Result<Self, Error> {
        let path = lock_path(database, id);
        let unusable = |source| Error::Lock { path: path.clone(), source };
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(unusable)?;
        let file = File::create(&path).map_err(unusable)?;
        // The id is fresh: nobody looks for this file yet, and nobody can hold it.
        file.lock().map_err(unusable)?;
        Ok(Self { path, _file: file })
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.path));
    }
}

/// Whether the process that made the file still runs. Those who look share their lock, so that none takes another for the owner.
fn is_locked(database: &Path, id: &WorkerId) -> bool {
    let Ok(file) = File::open(lock_path(database, id)) else { return false };
    matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
}

fn lock_path(database: &Path, id: &WorkerId) -> PathBuf {
    let mut folder = database.as_os_str().to_owned();
    folder.push("-workers");
    Path::new(&folder).join(format!("{id}.lock"))
}
