use std::path::PathBuf;

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

use crate::error::{Classified, ErrorClass};

/// What can go wrong between a unit of work and the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No address of a database that Viva can use. Shows no more than the scheme, since addresses may hold passwords.
    #[error("DATABASE_URL={scheme}:... cannot be used: {reason}")]
    Address {
        /// The part before the colon.
        scheme: String,
        /// What to write instead.
        reason: &'static str,
    },
    /// No address of a Redis that can keep claims. Shows no more than the scheme, since addresses may hold passwords.
    #[cfg(feature = "redis")]
    #[error("CLAIMS_URL={scheme}:... cannot be used: {reason}")]
    ClaimsAddress {
        /// The part before the colon.
        scheme: String,
        /// What to write instead.
        reason: &'static str,
        /// What its reader says.
        source: Option<redis::RedisError>,
    },
    /// Whoever answers at `CLAIMS_URL` will not keep claims.
    #[cfg(feature = "redis")]
    #[error("{place} refuses to keep claims; correct CLAIMS_URL, or leave it out")]
    ClaimsRefused {
        /// Host and port.
        place: String,
        /// What it said.
        source: redis::RedisError,
    },
    /// There is no such file.
    #[error("{}: there is no database; run `viva migrate` to make it, or correct DATABASE_URL", path.display())]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database's folder cannot be made.
    #[error("{}: cannot make the folder of the database", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file that tells whether this process runs cannot be made or locked.
    #[error("{}: cannot make the lock of this worker", path.display())]
    Lock {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The database was migrated by a newer program.
    #[error("{url} is newer than this program: it has {found}, and {known} is the last that this program knows; update this program")]
    Newer {
        /// The database, without password.
        url: String,
        /// The newest step it has.
        found: String,
        /// The newest step known here.
        known: String,
    },
    /// The database lacks steps.
    #[error("{url} lacks {}; run `viva migrate`", pending.join(", "))]
    Pending {
        /// The database, without password.
        url: String,
        /// The steps it lacks.
        pending: Vec<String>,
    },
    /// No such record.
    #[error("there is no {id} in {table}")]
    NoRecord {
        /// The table.
        table: &'static str,
        /// The name that was asked for.
        id: String,
    },
    /// No such row.
    #[error("there is no row {id} in {table}")]
    NotFound {
        /// The table.
        table: &'static str,
        /// The id asked for.
        id: i64,
    },
    /// A stored record cannot be read.
    #[error("{table}: the stored record {id} is damaged")]
    Damaged {
        /// The table.
        table: &'static str,
        /// Which one.
        id: String,
        /// What its reader says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused or could not be reached.
    #[error("{during}")]
    Database {
        /// What was being done.
        during: &'static str,
        /// The database's error.
        source: DbErr,
    },
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Database { source, .. } => match source.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_) | SqlErr::ForeignKeyConstraintViolation(_)) => ErrorClass::Permanent,
                _ if is_away(source) => ErrorClass::Unavailable,
                _ => ErrorClass::Transient,
            },
            Self::Folder { .. } | Self::Lock { .. } => ErrorClass::Transient,
            _ => ErrorClass::Permanent,
        }
    }
}

/// Whether nobody answered, or a server that is starting, stopping, or full. A server that answered otherwise said something about
/// the statement. Codes: "PostgreSQL Error Codes", classes 08, 53 and 57P.
fn is_away(error: &DbErr) -> bool {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return matches!(error, DbErr::ConnectionAcquire(_));
    };
    let RuntimeErr::SqlxError(cause) = cause else { return false };
    match &**cause {
        sqlx::Error::Database(said) => said.code().is_some_and(|code| ["08", "53", "57P"].iter().any(|class| code.starts_with(class))),
        unanswered => matches!(
            unanswered,
            sqlx::Error::Io(_)
                | sqlx::Error::Tls(_)
                | sqlx::Error::Protocol(_)
                | sqlx::Error::PoolTimedOut
                | sqlx::Error::PoolClosed
                | sqlx::Error::WorkerCrashed
        ),
    }
}

/// Puts the attempt to a database error.
pub(super) trait During<T> {
    fn during(self, during: &'static str) -> Result<T, Error>;
}

impl<T> During<T> for Result<T, DbErr> {
    fn during(self, during: &'static str) -> Result<T, Error> {
        self.map_err(|source| Error::Database { during, source })
    }
}
