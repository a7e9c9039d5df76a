//! Resumes, their passages, and the questions that were made: what the next question rests on.

use sea_orm_migration::prelude::*;

use crate::owned;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        owned::create(manager, "resumes", resumes()).await?;
        manager.create_table(resume_chunks()).await?;
        manager.create_index(index("resume_chunks_by_computation", "resume_chunks", "computation")).await?;
        manager.create_table(next_questions()).await?;
        manager.create_index(index("next_questions_by_interview", "next_questions", "interview_id")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["next_questions", "resume_chunks"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        owned::drop(manager, "resumes").await
    }
}

fn index(name: &'static str, table: &'static str, column: &'static str) -> IndexCreateStatement {
    Index::create().name(name).table(table).col(column).to_owned()
}

/// The contract's; on an existing platform it is there, and this makes nothing.
fn resumes() -> TableCreateStatement {
    Table::create()
        .table("resumes")
        .col(ColumnDef::new("id").integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new("candidate_id").integer())
        .col(ColumnDef::new("file_name").text())
        .col(ColumnDef::new("file_path").text())
        .col(ColumnDef::new("file_size").integer())
        .col(ColumnDef::new("extracted_text").text())
        .col(ColumnDef::new("structured_data").json_binary())
        .col(ColumnDef::new("target_position").text())
        .col(ColumnDef::new("uploaded_at").timestamp().default(Expr::current_timestamp()))
        .col(ColumnDef::new("processed_at").timestamp())
        .col(ColumnDef::new("is_active").boolean().not_null().default(true))
        .col(ColumnDef::new("processing_status").text().not_null().default("pending"))
        .to_owned()
}

fn resume_chunks() -> TableCreateStatement {
    Table::create()
        .table("resume_chunks")
        .col(ColumnDef::new("resume_id").integer().not_null())
        .col(ColumnDef::new("position").integer().not_null())
        .col(ColumnDef::new("computation").text().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .col(ColumnDef::new("section").text().not_null())
        .col(ColumnDef::new("start_byte").integer().not_null())
        .col(ColumnDef::new("end_byte").integer().not_null())
        .col(ColumnDef::new("text").text().not_null())
        .col(ColumnDef::new("sha256").text().not_null())
        .col(ColumnDef::new("embedding").blob().not_null())
        .primary_key(Index::create().col("resume_id").col("position"))
        .to_owned()
}

fn next_questions() -> TableCreateStatement {
    Table::create()
        .table("next_questions")
        .col(ColumnDef::new("computation").text().not_null().primary_key())
        .col(ColumnDef::new("interview_id").integer().not_null())
        .col(ColumnDef::new("question_id").integer().not_null().unique_key())
        .col(ColumnDef::new("stage").text().not_null())
        .col(ColumnDef::new("made_by").text().not_null())
        .col(ColumnDef::new("details").text().not_null())
        .to_owned()
}
