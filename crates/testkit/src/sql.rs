//! A look into a database from outside: what a test asserts about rows must not come through the code under test.

use std::process::Command;

use crate::Postgres;

/// Nobody is writing into the database at `url` just now: a process that was stopped in the middle of a write keeps SQLite's one
/// write lock for as long as it stands still. Postgres has no such lock.
pub fn sql_unlocked(url: &str) -> bool {
    const TRY: &str = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None).execute('BEGIN IMMEDIATE')";
    let Some(path) = url.strip_prefix("sqlite://") else { return true };
    let tried = Command::new("python3").args(["-c", TRY, path]).output().expect("python3 runs");
    let said = String::from_utf8_lossy(&tried.stderr);
    assert!(tried.status.success() || said.contains("locked"), "BEGIN IMMEDIATE: {said}");
    tried.status.success()
}

/// Changes the database at `url` (SQLite, or the shared Postgres) behind everybody's back.
pub fn sql_change(url: &str, sql: &str) {
    const CHANGE: &str = "import sqlite3, sys\nwith sqlite3.connect(sys.argv[1], timeout=20) as db: db.execute(sys.argv[2])";
    match url.strip_prefix("sqlite://") {
        Some(path) => {
            let changed = Command::new("python3").args(["-c", CHANGE, path, sql]).output().expect("python3 runs");
            assert!(changed.status.success(), "{sql}: {}", String::from_utf8_lossy(&changed.stderr));
        }
        None => drop(Postgres::shared().sql(url, sql)),
    }
}

/// The one number that the database at `url` (SQLite, or the shared Postgres) answers.
pub fn sql_number(url: &str, sql: &str) -> i64 {
    const ASK: &str = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1], timeout=20).execute(sys.argv[2]).fetchone()[0])";
    let said = match url.strip_prefix("sqlite://") {
        Some(path) => {
            let asked = Command::new("python3").args(["-c", ASK, path, sql]).output().expect("python3 runs");
            assert!(asked.status.success(), "{sql}: {}", String::from_utf8_lossy(&asked.stderr));
            String::from_utf8_lossy(&asked.stdout).into_owned()
        }
        None => Postgres::shared().sql(url, sql),
    };
    said.trim().parse().unwrap_or_else(|_| panic!("{sql} answered {said:?}, which is no number"))
}
