//! The tables that an existing platform reads, by its names. On such a platform they are all there, and this makes nothing.

use sea_orm_migration::prelude::*;

use crate::owned;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        owned::create_list(manager).await?;
        owned::create(manager, "interviews", interviews()).await?;
        owned::create(manager, "questions", questions()).await?;
        owned::create(manager, "transcripts", transcripts()).await?;
        owned::create(manager, "evaluation_reports", evaluation_reports()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["evaluation_reports", "transcripts", "questions", "interviews"] {
            owned::drop(manager, table).await?;
        }
        owned::drop_list(manager).await
    }
}

fn table(name: &'static str) -> TableCreateStatement {
    let id = ColumnDef::new("id").integer().not_null().auto_increment().primary_key().to_owned();
    Table::create().table(name).col(id).to_owned()
}

fn moment(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).timestamp().default(Expr::current_timestamp()).to_owned()
}

fn interviews() -> TableCreateStatement {
    table("interviews")
        .col(ColumnDef::new("candidate_id").integer())
        .col(ColumnDef::new("company_id").text())
        .col(ColumnDef::new("resume_id").integer())
        .col(ColumnDef::new("position").text().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("scheduled_time").timestamp())
        .col(ColumnDef::new("start_time").timestamp())
        .col(ColumnDef::new("end_time").timestamp())
        .col(moment("created_at"))
        .col(ColumnDef::new("overall_score").double())
        .col(ColumnDef::new("emotion_summary").json_binary())
        .to_owned()
}

fn questions() -> TableCreateStatement {
    table("questions")
        .col(ColumnDef::new("content").text().not_null())
        .col(ColumnDef::new("category").text())
        .col(ColumnDef::new("difficulty").text())
        .col(ColumnDef::new("question_type").text())
        .col(ColumnDef::new("is_follow_up").boolean().not_null().default(false))
        .col(ColumnDef::new("parent_question_id").integer())
        .col(ColumnDef::new("rubric_json").json_binary())
        .col(ColumnDef::new("company").text())
        .col(ColumnDef::new("industry").text())
        .col(ColumnDef::new("position").text())
        .col(moment("created_at"))
        .col(ColumnDef::new("is_active").boolean().not_null().default(true))
        .col(ColumnDef::new("usage_count").integer().not_null().default(0))
        .col(ColumnDef::new("avg_score").double())
        .to_owned()
}

fn transcripts() -> TableCreateStatement {
    table("transcripts")
        .col(ColumnDef::new("interview_id").integer().not_null())
        .col(ColumnDef::new("speaker").text().not_null())
        .col(ColumnDef::new("text").text().not_null())
        .col(moment("timestamp"))
        .col(ColumnDef::new("sentiment_score").double())
        .col(ColumnDef::new("emotion").json_binary())
        .col(ColumnDef::new("question_id").integer())
        .col(ColumnDef::new("order").integer())
        .col(ColumnDef::new("total_score").double())
        .col(ColumnDef::new("rubric_score").json_binary())
        .to_owned()
}

fn evaluation_reports() -> TableCreateStatement {
    table("evaluation_reports")
        .col(ColumnDef::new("interview_id").integer().not_null().unique_key())
        .col(ColumnDef::new("technical_score").double())
        .col(ColumnDef::new("communication_score").double())
        .col(ColumnDef::new("cultural_fit_score").double())
        .col(ColumnDef::new("summary_text").text())
        .col(ColumnDef::new("details_json").json_binary())
        .col(moment("created_at"))
        .col(moment("updated_at"))
        .col(ColumnDef::new("evaluator_model").text())
        .to_owned()
}
