//! Reports that wait for the evaluations they are made of.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(report_plans()).await?;
        manager.create_table(report_parts()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["report_parts", "report_plans"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn report_plans() -> TableCreateStatement {
    let plan = ColumnDef::new("plan").text().not_null().primary_key().to_owned();
    Table::create().table("report_plans").col(plan).col(ColumnDef::new("interview_id").integer().not_null()).to_owned()
}

fn report_parts() -> TableCreateStatement {
    let plan = ColumnDef::new("plan").text().not_null().to_owned();
    let transcript = ColumnDef::new("transcript_id").integer().not_null().to_owned();
    let once = Index::create().col("plan").col("transcript_id").to_owned();
    Table::create().table("report_parts").col(plan).col(transcript).primary_key(&mut once.clone()).to_owned()
}
