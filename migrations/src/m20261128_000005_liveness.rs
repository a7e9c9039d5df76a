//! What a worker session tells of itself: how it beats, how late it reads its mail, how far its clock is off, when it was heard;
//! and when claims ended and tasks came, so that they can be forgotten some day.
//!
//! Every column has a default, so that workers of the version before go on in the new schema.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns().iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(*table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

fn columns() -> [(&'static str, ColumnDef); 10] {
    let number = |name: &'static str, default: i64| ColumnDef::new(name).big_integer().not_null().default(default).to_owned();
    [
        // How the version before beats.
        ("worker_sessions", number("beat_ms", 2_000)),
        ("worker_sessions", number("ttl_ms", 20_000)),
        ("worker_sessions", number("started_at_ms", 0)),
        ("worker_sessions", number("beat_at_ms", 0)),
        ("worker_sessions", number("mail_lag_ms", 0)),
        ("worker_sessions", ColumnDef::new("clock_ahead_ms").big_integer().to_owned()),
        // The version before takes no lock.
        ("worker_sessions", ColumnDef::new("locks").boolean().not_null().default(false).to_owned()),
        ("worker_sessions", ColumnDef::new("ready").boolean().not_null().default(false).to_owned()),
        // Of rows of the version before nobody knows: they are kept.
        ("claims", ColumnDef::new("ended_at_ms").big_integer().to_owned()),
        ("arrivals", ColumnDef::new("came_at_ms").big_integer().to_owned()),
    ]
}
