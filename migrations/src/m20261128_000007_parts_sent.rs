//! When a plan's parts were sent last, so that many who ask for one report at once do not each send them again.
//!
//! A worker of the version before writes nothing here: what it sends looks as if it were sent long ago, and is sent again.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sent = ColumnDef::new("sent_at_ms").big_integer().not_null().default(0).to_owned();
        manager.alter_table(Table::alter().table("report_plans").add_column(sent).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("report_plans").drop_column("sent_at_ms").to_owned()).await
    }
}
