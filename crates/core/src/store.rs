//! The database: units of work, and one repository per table inside them.
//!
//! Owns every statement that Viva sends. Promises that a unit of work is all or nothing on every path, a cancelled one
//! included, and that a program never works on a schema it does not know. A repository exists only inside a [`Session`];
//! keep sessions short, and none open while a model runs. Does not migrate unless [`migrate`] is called.

mod address;
mod audit_log;
mod claim_book;
mod claims;
mod dispatches;
mod effects;
mod entity;
mod erasure;
mod error;
mod evaluation_reports;
mod evaluations;
mod events;
mod idempotency;
mod interviews;
mod lifeline;
mod next_questions;
mod outbox;
mod questions;
#[cfg(feature = "redis")]
mod redis_claims;
mod report_plans;
mod resume_chunks;
mod resumes;
mod retention;
mod reviews;
mod rubrics;
mod session;
mod speech_clips;
mod statement;
mod transcripts;
mod waiters;
mod worker_sessions;

use std::sync::Arc;

use sea_orm::DatabaseConnection;
use tokio::sync::Notify;
pub use viva_migrations::Versions;

pub use audit_log::{Checked, Fault, Head};
pub use claims::Claims;
pub use dispatches::Dispatches;
pub use effects::{Arrivals, Effects};
pub use entity::evaluation_reports::Model as ReportRow;
pub use entity::interviews::Model as Interview;
pub use entity::questions::Model as Question;
pub use entity::resumes::Model as Resume;
pub use entity::transcripts::Model as Transcript;
pub use erasure::Erased;
pub use error::Error;
pub use evaluation_reports::EvaluationReports;
pub use evaluations::Evaluations;
pub use events::{Event, Events, HookDue, Topic};
pub use idempotency::IdempotencyKeys;
pub use interviews::Interviews;
pub use lifeline::{Beat, Look, Lookout, Pulse};
pub use next_questions::{NextQuestion, NextQuestions};
pub use outbox::{Letter, Outbox, Posted, Relayed};
pub use questions::{Category, NewQuestion, Questions};
pub use report_plans::ReportPlans;
pub use resume_chunks::{ResumeChunk, ResumeChunkSet, ResumeChunks};
pub use resumes::Resumes;
pub use retention::{Pruned, Retention};
pub use reviews::Reviews;
pub use rubrics::Rubrics;
pub use session::{Session, take_longest_session};
pub use speech_clips::{Clip, SpeechClips};
pub use transcripts::{Answer, Transcripts, Turn};
pub use waiters::{Waiter, Waiters};
pub use worker_sessions::{Backlog, Vitals, WorkerSession, WorkerSessions};

use crate::Digest;
use crate::claim::{Claim, Taken, WorkerId};
use address::Address;
use claim_book::{ClaimBook, InDatabase};
use error::During as _;

/// A session holds one connection. Eight serve a worker that keeps sessions short; Postgres has a hundred for everybody.
const CONNECTIONS: u32 = 8;
const CONNECTIONS_BESIDE: u32 = 2;

/// A database whose schema this program knows. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    db: DatabaseConnection,
    address: Address,
    book: Arc<dyn ClaimBook>,
    bell: Arc<Notify>,
}

impl Store {
    /// Opens the database at `url` (`sqlite:///path/to/file` or `postgres://user:password@host/database`), and refuses one whose
    /// schema is newer than this program or lacks steps; the error says what to do.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let address = Address::parse(url)?;
        let db = address.open(address::Missing::Refuse, CONNECTIONS).await?;
        let versions = Versions::read(&db).await.during("reading the schema's version")?;
        refuse_newer(&address, &versions)?;
        if !versions.pending.is_empty() {
            return Err(Error::Pending { url: address.shown(), pending: versions.pending });
        }
        Ok(Self { db, address, book: Arc::new(InDatabase), bell: Arc::default() })
    }

    /// Opens the database that was named, as it is; or the one of the folder `data`, which is made or brought up to date.
    pub async fn open(named: Option<&str>, data: &std::path::Path) -> Result<Self, Error> {
        if let Some(url) = named {
            return Self::connect(url).await;
        }
        let url = format!("sqlite://{}", data.join("viva.db").display());
        migrate(&url).await?;
        Self::connect(&url).await
    }

    /// The same database over two connections of its own: signs of life must not wait until work gives one back.
    pub async fn beside(&self) -> Result<Self, Error> {
        let db = self.address.open(address::Missing::Refuse, CONNECTIONS_BESIDE).await?;
        Ok(Self { db, address: self.address.clone(), book: self.book.clone(), bell: self.bell.clone() })
    }

    /// The same database with claims on the Redis at `url` in front of its own, where one is named (`redis://host:6379/0`).
    /// What a worker holds there lapses unless it is renewed within `ttl`.
    #[cfg(feature = "redis")]
    pub async fn with_claims(self, url: Option<&str>, ttl: std::time::Duration) -> Result<Self, Error> {
        match url {
            Some(url) => Ok(Self { book: Arc::new(redis_claims::RedisClaims::connect(url, ttl).await?), ..self }),
            None => Ok(self),
        }
    }

    /// Opens a unit of work that only reads: everything in it sees one state of the database.
    pub async fn read(&self) -> Result<Session, Error> {
        Session::begin(&self.db, session::Mode::Read, &self.bell).await
    }

    /// Opens a unit of work for one statement that reads: it sees one state of the database anyhow, and costs a round trip less.
    pub async fn glance(&self) -> Result<Session, Error> {
        Session::begin(&self.db, session::Mode::Glance, &self.bell).await
    }

    /// Opens a unit of work that may write. Nothing in it lasts unless it is committed.
    pub async fn write(&self) -> Result<Session, Error> {
        Session::begin(&self.db, session::Mode::Write, &self.bell).await
    }

    /// Rings whenever a unit of work of this process has told news. Those of other processes are heard of by looking.
    pub fn bell(&self) -> Arc<Notify> {
        self.bell.clone()
    }

    /// Whether claims may be taken in any unit of work ([`Claims::arrive`]). Not where something stands in front of the database:
    /// it is asked first, with no unit of work open ([`Store::take_claim`]).
    pub fn claims_alone(&self) -> bool {
        self.book.is_database()
    }

    /// Takes the computation for `worker`, unless somebody holds it. Returns the unit of work that found out: the claim is
    /// theirs once it has committed.
    pub async fn take_claim(&self, computation: &Digest, worker: &WorkerId) -> Result<(Session, Taken), Error> {
        self.book.take(self, computation, worker).await
    }

    /// For after the commit that ended the claim, or the one that found it lost: others need not look for its holder.
    pub async fn release_claim(&self, claim: &Claim) {
        self.book.ended(claim).await;
    }

    /// With every sign of life of `worker`: it goes on holding what it holds.
    pub async fn renew_claims(&self, worker: &WorkerId) {
        self.book.renew(worker).await;
    }

    /// Closes every connection, after those in use.
    pub async fn close(self) -> Result<(), Error> {
        self.db.close().await.during("closing the database")
    }
}

/// Applies every step that the database at `url` lacks, and makes the database where there is none.
///
/// All steps or none. Returns the names of those applied.
pub async fn migrate(url: &str) -> Result<Vec<String>, Error> {
    let address = Address::parse(url)?;
    let db = address.open(address::Missing::Create, 1).await?;
    let session = Session::begin(&db, session::Mode::Write, &Arc::default()).await?;
    viva_migrations::take_turn(session.connection()).await.during("waiting for another program that migrates")?;
    // Read inside the transaction: of two programs that start together, the second finds nothing left to do.
    let versions = Versions::read(session.connection()).await.during("reading the schema's version")?;
    refuse_newer(&address, &versions)?;
    viva_migrations::up(session.connection()).await.during("migrating the database")?;
    if versions.pending.iter().any(|step| step.ends_with("_records")) {
        session.evaluations().take_in().await?;
    }
    session.commit().await?;
    db.close().await.during("closing the database")?;
    Ok(versions.pending)
}

/// Takes back the newest `steps` steps, with the tables and rows that they made. All of them or none.
pub async fn migrate_down(url: &str, steps: u32) -> Result<(), Error> {
    let address = Address::parse(url)?;
    let db = address.open(address::Missing::Refuse, 1).await?;
    let session = Session::begin(&db, session::Mode::Write, &Arc::default()).await?;
    viva_migrations::take_turn(session.connection()).await.during("waiting for another program that migrates")?;
    let versions = Versions::read(session.connection()).await.during("reading the schema's version")?;
    refuse_newer(&address, &versions)?;
    viva_migrations::down(session.connection(), steps).await.during("taking migrations back")?;
    session.commit().await?;
    db.close().await.during("closing the database")
}

/// Where the database at `url` stands. Writes nothing.
pub async fn versions(url: &str) -> Result<Versions, Error> {
    let db = Address::parse(url)?.open(address::Missing::Refuse, 1).await?;
    let versions = Versions::read(&db).await.during("reading the schema's version")?;
    db.close().await.during("closing the database")?;
    Ok(versions)
}

fn refuse_newer(address: &Address, versions: &Versions) -> Result<(), Error> {
    match versions.unknown.last() {
        Some(newest) => {
            let (found, known) = (newest.clone(), Versions::newest_known());
            Err(Error::Newer { url: address.shown(), found, known })
        }
        None => Ok(()),
    }
}
