//! A unit of work: the only place that begins a transaction, and the only way to a repository.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};

use super::audit_log::{self, Entry};
use super::error::{During as _, Error};
use super::events::{self, Told};
use super::{
    Arrivals, Claims, Dispatches, Effects, EvaluationReports, Evaluations, Events, IdempotencyKeys, Interviews, NextQuestions, Outbox,
    Questions, ReportPlans, ResumeChunks, Resumes, Reviews, Rubrics, SpeechClips, Topic, Transcripts, Waiters, WorkerSessions,
};
use crate::clock::{Clock as _, Moment, SystemClock};
use tokio::sync::Notify;

/// The longest that a unit of work has been open in this process, in microseconds.
static LONGEST_US: AtomicU64 = AtomicU64::new(0);

/// The longest that a unit of work has been open since this was last asked; zero if none has ended.
///
/// Units of work are short by rule, none is open while a model runs: this is how the rule is watched.
pub fn take_longest_session() -> Duration {
    Duration::from_micros(LONGEST_US.swap(0, Ordering::Relaxed))
}

/// A unit of work. Ends in [`Session::commit`], or in a rollback when it is dropped: by `?`, by a panic, or because its
/// future was cancelled.
///
/// `BEGIN`, `COMMIT` and `ROLLBACK` run in tasks of their own, so that none is ever cut off in the middle: on Postgres a
/// cancelled `BEGIN` would leave the pooled connection inside a transaction that nobody knows of (F23), and a cancelled
/// `COMMIT` would be followed by a rollback of nothing.
#[derive(Debug)]
#[must_use = "a session that is not committed rolls back"]
pub struct Session {
    /// None only while it ends.
    transaction: Option<DatabaseTransaction>,
    opened: Moment,
    /// What goes into the log if this is committed.
    log: Mutex<Vec<Entry>>,
    /// What is told if this is committed.
    told: Mutex<Vec<Told>>,
    /// Woken when news were committed.
    bell: Arc<Notify>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Glance,
    Write,
}

impl Session {
    #[allow(clippy::disallowed_methods, reason = "the one place that begins a transaction")]
    pub(super) async fn begin(db: &DatabaseConnection, mode: Mode, bell: &Arc<Notify>) -> Result<Self, Error> {
        let options = match (db.get_database_backend(), mode) {
            // A deferred transaction that reads first and writes later fails at once when another one wrote in between,
            // however long the timeout; an immediate one waits for its turn.
            (DbBackend::Sqlite, Mode::Write) => {
                TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() }
            }
            // As they are: on Postgres any setting would cost a round trip.
            (DbBackend::Sqlite, Mode::Read) | (_, Mode::Write | Mode::Glance) => TransactionOptions::default(),
            // Each statement of a Postgres transaction sees its own state unless told otherwise.
            (_, Mode::Read) => TransactionOptions {
                access_mode: Some(AccessMode::ReadOnly),
                isolation_level: Some(IsolationLevel::RepeatableRead),
                ..Default::default()
            },
        };
        let (db, bell) = (db.clone(), bell.clone());
        let begin = async move {
            let transaction = db.begin_with_options(options).await?;
            // Whole before it is handed over: if nobody takes it any more, it is rolled back as every other.
            Ok(Self {
                transaction: Some(transaction),
                opened: SystemClock.monotonic(),
                log: Mutex::default(),
                told: Mutex::default(),
                bell,
            })
        };
        uncut(begin).await.during("beginning a unit of work")
    }

    /// Makes everything that was done in it last.
    pub async fn commit(mut self) -> Result<(), Error> {
        let entries = std::mem::take(self.log.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
        // News first: whoever holds the head of a topic may wait for the log, and nobody the other way round.
        let told = std::mem::take(self.told.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner));
        let has_news = !told.is_empty();
        events::write(self.connection(), told).await?;
        if !entries.is_empty() {
            audit_log::append(self.connection(), entries).await?;
        }
        let (transaction, bell) = (self.end(), self.bell.clone());
        uncut(transaction.commit()).await.during("committing a unit of work")?;
        if has_news {
            bell.notify_waiters();
        }
        Ok(())
    }

    /// Takes everything back, and returns when that is done. Dropping the session does the same a little later.
    pub async fn rollback(mut self) -> Result<(), Error> {
        let transaction = self.end();
        uncut(transaction.rollback()).await.during("rolling a unit of work back")
    }

    fn end(&mut self) -> DatabaseTransaction {
        let open = SystemClock.monotonic().since(self.opened);
        metrics::histogram!("viva_db_session_seconds").record(open);
        LONGEST_US.fetch_max(open.as_micros() as u64, Ordering::Relaxed);
        self.transaction.take().expect("a session ends once; this is a bug")
    }

    pub(super) fn connection(&self) -> &DatabaseTransaction {
        self.transaction.as_ref().expect("a session that ended is gone; this is a bug")
    }

    /// Has an entry appended to the log when this is committed.
    pub(super) fn log(&self, entry: Entry) {
        self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(entry);
    }

    /// Has news told when this is committed. Ids and numbers only: they are kept beyond an erasure.
    pub fn tell(&self, topic: Topic, kind: &'static str, body: serde_json::Value) {
        self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(Told { topic, kind, body });
    }

    /// News, and who is to be told.
    pub fn events(&self) -> Events<'_> {
        Events(self.connection())
    }

    /// The names that clients give their requests.
    pub fn idempotency_keys(&self) -> IdempotencyKeys<'_> {
        IdempotencyKeys(self.connection())
    }

    /// The table `interviews` of the contract.
    pub fn interviews(&self) -> Interviews<'_> {
        Interviews(self.connection())
    }

    /// The table `questions` of the contract.
    pub fn questions(&self) -> Questions<'_> {
        Questions(self.connection())
    }

    /// The table `transcripts` of the contract.
    pub fn transcripts(&self) -> Transcripts<'_> {
        Transcripts(self)
    }

    /// The table `resumes` of the contract.
    pub fn resumes(&self) -> Resumes<'_> {
        Resumes(self)
    }

    /// Passages of resumes with their vectors.
    pub fn resume_chunks(&self) -> ResumeChunks<'_> {
        ResumeChunks(self.connection())
    }

    /// Questions that were made, and how.
    pub fn next_questions(&self) -> NextQuestions<'_> {
        NextQuestions(self.connection())
    }

    /// The table `evaluation_reports` of the contract.
    pub fn evaluation_reports(&self) -> EvaluationReports<'_> {
        EvaluationReports(self)
    }

    /// Evaluations with their provenance.
    pub fn evaluations(&self) -> Evaluations<'_> {
        Evaluations(self)
    }

    /// What people said about evaluations.
    pub fn reviews(&self) -> Reviews<'_> {
        Reviews(self)
    }

    /// The rubric files that scores were made by.
    pub fn rubrics(&self) -> Rubrics<'_> {
        Rubrics(self.connection())
    }

    /// Reports that wait for their parts.
    pub fn report_plans(&self) -> ReportPlans<'_> {
        ReportPlans(self)
    }

    /// Who computes what.
    pub fn claims(&self) -> Claims<'_> {
        Claims(self.connection())
    }

    /// Who waits for what is being computed.
    pub fn waiters(&self) -> Waiters<'_> {
        Waiters(self.connection())
    }

    /// The order in which tasks were first seen.
    pub fn arrivals(&self) -> Arrivals<'_> {
        Arrivals(self.connection())
    }

    /// Which task each target shows.
    pub fn effects(&self) -> Effects<'_> {
        Effects(self.connection())
    }

    /// What was asked for and is not answered yet.
    pub fn dispatches(&self) -> Dispatches<'_> {
        Dispatches(self.connection())
    }

    /// What is to be published because of this unit of work.
    pub fn outbox(&self) -> Outbox<'_> {
        Outbox(self.connection())
    }

    /// The processes that work, and their signs of life.
    pub fn worker_sessions(&self) -> WorkerSessions<'_> {
        WorkerSessions(self.connection())
    }

    /// Which clip each speech computation made.
    pub fn speech_clips(&self) -> SpeechClips<'_> {
        SpeechClips(self.connection())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.transaction.is_none() {
            return;
        }
        let transaction = self.end();
        // Without a runtime the connection is on its way out, and takes the transaction along.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = transaction.rollback().await {
                tracing::warn!(%error, "a unit of work could not be rolled back; its connection is given up");
            }
        });
    }
}

/// Runs `step` to its end even if the caller is cancelled meanwhile; its result is dropped then.
async fn uncut<T: Send + 'static>(step: impl Future<Output = Result<T, DbErr>> + Send + 'static) -> Result<T, DbErr> {
    match tokio::spawn(step).await {
        Ok(ended) => ended,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(DbErr::Custom("the runtime is shutting down".to_owned())),
    }
}
