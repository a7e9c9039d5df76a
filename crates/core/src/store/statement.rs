//! Statements in SQL that both databases read: `$1` for parameters, upserts, `RETURNING`.
//!
//! Claims and what belongs to them are written out, since their one-statement changes are the design; tables that are just
//! rows use entities.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction, DbErr, QueryResult, Statement, Value};

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
