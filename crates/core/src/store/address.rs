//! Which database a `DATABASE_URL` names, and how it is opened.

use std::path::PathBuf;
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::error::{During as _, Error};

/// Readers and the one writer of an SQLite file; a session holds one connection.
const CONNECTIONS: u32 = 8;
/// How long a writer waits for its turn, and a caller for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file that holds an SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    path: PathBuf,
}

/// What to do when there is no database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Refuse,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |reason| Err(Error::Address { scheme: scheme(url).to_owned(), reason });
        let Some(rest) = url.strip_prefix("sqlite:") else {
            return match scheme(url) {
                "postgres" | "postgresql" => refuse("this version keeps its records in SQLite only; write sqlite:///absolute/path.db"),
                _ => refuse("write sqlite:///absolute/path.db"),
            };
        };
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if path.is_empty() || path.contains(":memory:") || path.contains('?') {
            return refuse("name a file and nothing else, as in sqlite:///absolute/path.db");
        }
        Ok(Self { path: PathBuf::from(path) })
    }

    /// The address for people. Holds no password, whatever the database will be.
    pub(super) fn shown(&self) -> String {
        format!("sqlite://{}", self.path.display())
    }

    pub(super) async fn open(&self, missing: Missing) -> Result<DatabaseConnection, Error> {
        match (missing, self.path.parent()) {
            (Missing::Refuse, _) if !self.path.is_file() => return Err(Error::NoDatabase { path: self.path.clone() }),
            (Missing::Create, Some(folder)) => {
                std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
            }
            _ => {}
        }
        let path = self.path.clone();
        let mut options = ConnectOptions::new(self.shown());
        options
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            // Statements may hold what a candidate said: that belongs in no log.
            .sqlx_logging(false)
            .record_stmt_in_spans(false)
            .map_sqlx_sqlite_opts(move |options| {
                options
                    // By name: a path is not a URL, and may hold any character.
                    .filename(&path)
                    .create_if_missing(missing == Missing::Create)
                    // WAL lets readers go on while one writes; FULL makes a commit outlive a power cut, since deliveries are
                    // acknowledged on the strength of it.
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(PATIENCE)
            });
        Database::connect(options).await.during("opening the database")
    }
}

/// The part before the colon; an address may hold a password behind it, which no error may show.
fn scheme(url: &str) -> &str {
    url.split_once(':').map_or("", |(scheme, _)| scheme)
}
