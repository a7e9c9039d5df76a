//! Which clip each speech computation made. The clip itself is a file, named by its digest.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let clips = Table::create()
            .table("speech_clips")
            .col(ColumnDef::new("computation").text().not_null().primary_key())
            .col(ColumnDef::new("digest").text().not_null())
            .col(ColumnDef::new("bytes").big_integer().not_null())
            .col(ColumnDef::new("duration_ms").double().not_null())
            .col(ColumnDef::new("created_at_ms").big_integer().not_null())
            .to_owned();
        manager.create_table(clips).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("speech_clips").to_owned()).await
    }
}
