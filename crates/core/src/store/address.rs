//! Which database a `DATABASE_URL` names, and how it is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use super::error::{During as _, Error};

/// How long a writer waits for its turn, and a caller for a free connection.
const PATIENCE: Duration = Duration::from_secs(10);
/// A connection that has rested longer is asked whether it lives before it is used.
const RESTED: Duration = Duration::from_secs(1);
/// What the server itself ends, should this process freeze: no session of ours needs as long (invariant: short sessions).
const SERVER_LIMITS: [(&str, &str); 2] = [("statement_timeout", "30s"), ("lock_timeout", "10s")];
/// For how long a unit of work may wait for its next statement before the server takes it back.
const IDLE: Duration = Duration::from_secs(10);

/// The session's time zone. The contract's moments carry none: whoever reads them takes them for the local time of everybody who writes
/// there. sqlx asks for UTC in every session, which hides what other clients get; so this looks for it: what the address says ($1), else
/// what was set for the role or the database, else the server's. That one's own name is hidden too, but its log has it from the same
/// `initdb`.
const SET_TIME_ZONE: &str = "
    SELECT set_config('TimeZone', coalesce($1, (
        SELECT split_part(setting, '=', 2) FROM pg_db_role_setting, unnest(setconfig) AS setting
        WHERE lower(setting) LIKE 'timezone=%' AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            AND setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = session_user))
        ORDER BY setrole <> 0 DESC, setdatabase <> 0 DESC LIMIT 1
    ), current_setting('log_timezone')), false)";

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
            Self::Postgres(url) => postgres(url, IDLE),
        };
        options.max_connections(connections);
        Database::connect(options).await.during("opening the database")
    }

    /// One connection that stays as long as it works: a lock is bound to it. A unit of work over it may wait for its next statement for
    /// `idle`.
    pub(super) async fn open_line(&self, idle: Duration) -> Result<DatabaseConnection, Error> {
        let mut options = match self {
            Self::Sqlite(path) => sqlite(path, Missing::Refuse)?,
            Self::Postgres(url) => postgres(url, idle),
        };
        options.max_connections(1).idle_timeout(None).max_lifetime(None);
        Database::connect(options).await.during("opening a line to the database")
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

fn postgres(url: &str, idle: Duration) -> ConnectOptions {
    let mut options = general(url);
    let idle = [("idle_in_transaction_session_timeout", format!("{}ms", idle.as_millis()))];
    options.map_sqlx_postgres_opts(move |options| options.application_name("viva").options(SERVER_LIMITS).options(idle.clone()));
    let zone = time_zone(url);
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let zone = zone.clone();
        pool.after_connect(move |connection, _| {
            let set = sea_orm::sqlx::query(SET_TIME_ZONE).bind(zone.clone());
            Box::pin(async move { set.execute(connection).await.map(|_| ()) })
        })
    });
    options
}

/// The time zone among an address's options, written as for every client of Postgres: `?options=-c%20timezone%3DAsia/Seoul` or
/// `?options[timezone]=Asia/Seoul`. The server itself refuses one that it does not know.
fn time_zone(url: &str) -> Option<String> {
    let parsed: PgConnectOptions = url.parse().ok()?;
    let zone =
        |option: &str| option.split_once('=').filter(|(name, _)| name.eq_ignore_ascii_case("timezone")).map(|(_, zone)| zone.to_owned());
    parsed.get_options()?.split_whitespace().filter_map(|option| zone(option.trim_start_matches("-c").trim_start_matches("--"))).next_back()
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
    fn a_time_zone_is_found_however_postgres_lets_it_be_written() {
        let cases = [
            ("options=-c%20timezone%3DAsia/Seoul", Some("Asia/Seoul")),
            ("options=-c%20geqo%3Doff%20-cTimeZone%3DAsia/Seoul", Some("Asia/Seoul")),
            ("options=--timezone%3DAsia%2FSeoul&sslmode=disable", Some("Asia/Seoul")),
            ("options[timezone]=UTC&options[TimeZone]=Asia/Seoul", Some("Asia/Seoul")),
            ("options=-c%20log_timezone%3DUTC", None),
            ("sslmode=disable", None),
        ];
        for (options, zone) in cases {
            assert_eq!(time_zone(&format!("postgres://u:p@db/interview_db?{options}")).as_deref(), zone, "{options}");
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
