//! Evaluations with everything that determined them.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(evaluations()).await?;
        // One evaluation of an answer per computation. Failures stand outside: they are kept and block nothing.
        let once = Index::create()
            .name("evaluations_once")
            .table("evaluations")
            .col("transcript_id")
            .col("computation")
            .unique()
            .cond_where(Expr::cust("status <> 'failed'"))
            .to_owned();
        manager.create_index(once).await?;
        for column in ["interview_id", "computation"] {
            let name = format!("evaluations_{column}");
            let index = Index::create().name(name).table("evaluations").col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("evaluations").to_owned()).await
    }
}

fn evaluations() -> TableCreateStatement {
    Table::create()
        .table("evaluations")
        // The order in which they were stored; wall clocks do not tell.
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new("evaluation_id").text().not_null().unique_key())
        .col(ColumnDef::new("interview_id").integer())
        .col(ColumnDef::new("transcript_id").integer())
        .col(ColumnDef::new("question_id").integer())
        .col(ColumnDef::new("computation").text().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("total").integer())
        // Text, not JSON: the record's bytes must come back as they were.
        .col(ColumnDef::new("record").text().not_null())
        .col(ColumnDef::new("finished_at_ms").big_integer().not_null())
        .to_owned()
}
