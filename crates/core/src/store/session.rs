//! A unit of work: the only place that begins a transaction, and the only way to a repository.

use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions, TransactionTrait as _,
};

use super::error::{During as _, Error};
use super::{EvaluationReports, Evaluations, Interviews, Questions, SpeechClips, Transcripts};

/// A unit of work. Ends in [`Session::commit`], or in a rollback when it is dropped: by `?`, by a panic, or because its
/// future was cancelled.
///
/// The rollback of a dropped session is queued on its connection and done before anybody else uses that connection. It cannot
/// meet a statement under way, because every repository borrows the session it works in.
#[derive(Debug)]
#[must_use = "a session that is not committed rolls back"]
pub struct Session {
    transaction: DatabaseTransaction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
}

impl Session {
    #[allow(clippy::disallowed_methods, reason = "the one place that begins a transaction")]
    pub(super) async fn begin(db: &DatabaseConnection, mode: Mode) -> Result<Self, Error> {
        let options = match (db.get_database_backend(), mode) {
            // A deferred transaction that reads first and writes later fails at once when another one wrote in between,
            // however long the timeout; an immediate one waits for its turn.
            (DbBackend::Sqlite, Mode::Write) => {
                TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() }
            }
            (DbBackend::Sqlite, Mode::Read) => TransactionOptions::default(),
            (_, Mode::Write) => TransactionOptions { access_mode: Some(AccessMode::ReadWrite), ..Default::default() },
            (_, Mode::Read) => TransactionOptions { access_mode: Some(AccessMode::ReadOnly), ..Default::default() },
        };
        let transaction = db.begin_with_options(options).await.during("beginning a unit of work")?;
        Ok(Self { transaction })
    }

    /// Makes everything that was done in it last.
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await.during("committing a unit of work")
    }

    /// Takes everything back, and returns when that is done. Dropping the session does the same a little later.
    pub async fn rollback(self) -> Result<(), Error> {
        self.transaction.rollback().await.during("rolling a unit of work back")
    }

    /// The table `interviews` of the contract.
    pub fn interviews(&self) -> Interviews<'_> {
        Interviews(&self.transaction)
    }

    /// The table `questions` of the contract.
    pub fn questions(&self) -> Questions<'_> {
        Questions(&self.transaction)
    }

    /// The table `transcripts` of the contract.
    pub fn transcripts(&self) -> Transcripts<'_> {
        Transcripts(&self.transaction)
    }

    /// The table `evaluation_reports` of the contract.
    pub fn evaluation_reports(&self) -> EvaluationReports<'_> {
        EvaluationReports(&self.transaction)
    }

    /// Evaluations with their provenance.
    pub fn evaluations(&self) -> Evaluations<'_> {
        Evaluations(&self.transaction)
    }

    /// Which clip each speech computation made.
    pub fn speech_clips(&self) -> SpeechClips<'_> {
        SpeechClips(&self.transaction)
    }

    pub(super) fn connection(&self) -> &DatabaseTransaction {
        &self.transaction
    }
}
