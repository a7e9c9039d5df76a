//! Which database a `DATABASE_URL` names, and how it is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::error::{During as _, Error};

/// How long a writer waits for its turn, and a caller for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that has rested longer is asked whether it lives before it is used.
const RESTED: Duration = Duration::from_secs(1);
/// What the server itself ends, should this process freeze: no session of ours needs as long (invariant: short sessions).
const SERVER_LIMITS: [(&str, &str); 3] =
    [("statement_timeout", "30s"), ("lock_timeout", "10s"), ("idle_in_transaction_session_timeout", "10s")];

/// A database by its address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// A file that holds an SQLite database.
    Sqlite(PathBuf),
    /// A database of a Postgres server, as `postgres://...`. May hold a password.
    Postgres(String),
}

/// What to do when there is no database. A Postgres database is for its administrator to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Create,
    Refuse,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once(':').unwrap_or_default();
        let refuse = |reason| Err(Error::Address { scheme: scheme.to_owned(), reason });
        // Platforms name their Python driver, too: postgresql+psycopg://...
        match scheme.split('+').next().unwrap_or_default() {
            "postgres" | "postgresql" if rest.len() > "//".len() && rest.starts_with("//") => {
                Ok(Self::Postgres(format!("postgres:{rest}")))
            }
            "postgres" | "postgresql" => refuse("write postgres://user:password@host:5432/database"),
            "sqlite" => {
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() || path.contains(":memory:") || path.contains('?') {
                    return refuse("name a file and nothing else, as in sqlite:///absolute/path.db");
                }
                Ok(Self::Sqlite(PathBuf::from(path)))
            }
            _ => refuse("write sqlite:///absolute/path.db or postgres://user:password@host:5432/database"),
        }
    }

    /// The address for people, without user and password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => {
                let rest = url.trim_start_matches("postgres://");
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                format!("postgres://{}", place.split('?').next().unwrap_or_default())
            }
        }
    }

    pub(super) async fn open(&self, missing: Missing, connections: u32) -> Result<DatabaseConnection, Error> {
        let mut options = match self {
            Self::Sqlite(path) => sqlite(path, missing)?,
            Self::Postgres(url) => postgres(url),
        };
        options.max_connections(connections);
        Database::connect(options).await.during("opening the database")
    }
}

fn general(url: impl Into<String>) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .acquire_timeout(PATIENCE)
        .connect_timeout(PATIENCE)
        .test_before_acquire_if_idle_for(RESTED)
        // Statements may hold what a candidate said: that belongs in no log.
        .sqlx_logging(false)
        .record_stmt_in_spans(false);
    options
}

fn postgres(url: &str) -> ConnectOptions {
    let mut options = general(url);
    options.map_sqlx_postgres_opts(|options| options.application_name("viva").options(SERVER_LIMITS));
    options
}

fn sqlite(path: &Path, missing: Missing) -> Result<ConnectOptions, Error> {
    match (missing, path.parent()) {
        (Missing::Refuse, _) if !path.is_file() => return Err(Error::NoDatabase { path: path.to_owned() }),
        (Missing::Create, Some(folder)) => {
            std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
        }
        _ => {}
    }
    let path = path.to_owned();
    let mut options = general(format!("sqlite://{}", path.display()));
    options.map_sqlx_sqlite_opts(move |options| {
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
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown_without_their_secrets() {
        let cases = [
            ("sqlite:///data/viva.db", "sqlite:///data/viva.db"),
            ("postgres://u:p%40ss@db:5432/interview_db?sslmode=require", "postgres://db:5432/interview_db"),
            ("postgresql+psycopg://u:secret@db/interview_db", "postgres://db/interview_db"),
            ("postgresql:///test", "postgres:///test"),
        ];
        for (url, shown) in cases {
            assert_eq!(Address::parse(url).expect(url).shown(), shown);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_secrets() {
        for url in
            ["", "viva.db", "mysql://u:secret@db/x", "postgres:", "postgres:u:secret", "sqlite:", "sqlite::memory:", "sqlite://a?mode=ro"]
        {
            let error = Address::parse(url).expect_err(url).to_string();
            assert!(error.contains("write") || error.contains("name a file"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
