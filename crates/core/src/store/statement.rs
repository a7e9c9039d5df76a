//! Statements in SQL that both databases read: `$1` for parameters, upserts, `RETURNING`.
//!
//! Claims and what belongs to them are written out, since their one-statement changes are the design; tables that are just
//! rows use entities.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement, Value};

/// The database's own time in milliseconds: what is written by it is compared with nothing else.
const NOW_MS: &str = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
const NOW_MS_SQLITE: &str = "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)";

/// Puts the database's own time, in milliseconds, where the statement says `{now}`.
pub(super) fn timed(db: &DatabaseTransaction, sql: &str) -> String {
    sql.replace("{now}", if is_sqlite(db) { NOW_MS_SQLITE } else { NOW_MS })
}

pub(super) fn is_sqlite(db: &DatabaseTransaction) -> bool {
    db.get_database_backend() == DbBackend::Sqlite
}

fn statement(db: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

/// Runs it; how many rows it changed.
pub(super) async fn change(db: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<u64, DbErr> {
    Ok(db.execute_raw(statement(db, sql, values)).await?.rows_affected())
}

/// Runs it; the rows it returned.
pub(super) async fn rows(db: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<Vec<QueryResult>, DbErr> {
    db.query_all_raw(statement(db, sql, values)).await
}

/// Runs it; the row it returned, if it did.
pub(super) async fn row(db: &DatabaseTransaction, sql: &str, values: Vec<Value>) -> Result<Option<QueryResult>, DbErr> {
    db.query_one_raw(statement(db, sql, values)).await
}
