//! Records that hold up: what an evaluation was made with, people's reviews of it, and the log that chains their commitments.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [fn() -> TableCreateStatement; 4] = [rubrics, evaluation_reviews, erasures, audit_log];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("evaluations").add_column(column).to_owned()).await?;
        }
        for table in TABLES {
            manager.create_table(table()).await?;
        }
        for (table, column) in [("evaluation_reviews", "evaluation_id"), ("audit_log", "subject")] {
            let index = Index::create().name(format!("{table}_{column}")).table(table).col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["audit_log", "erasures", "evaluation_reviews", "rubrics"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for column in columns().iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table("evaluations").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

/// Also in the record; beside it, so that they can be searched for.
fn columns() -> [ColumnDef; 8] {
    // Rows of the version before have none of these.
    let text = |name: &'static str| ColumnDef::new(name).text().not_null().default("").to_owned();
    [
        text("rubric_sha256"),
        text("model_sha256"),
        text("engine"),
        text("numeric_class"),
        text("input_sha256"),
        ColumnDef::new("prompt_sha256").text().to_owned(),
        ColumnDef::new("supersedes").text().to_owned(),
        // Goes with the row: what the log then holds of it can be checked by nobody.
        text("salt"),
    ]
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().to_owned()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().to_owned()
}

fn rubrics() -> TableCreateStatement {
    let key = text("sha256").primary_key().to_owned();
    Table::create().table("rubrics").col(key).col(text("yaml")).to_owned()
}

fn evaluation_reviews() -> TableCreateStatement {
    Table::create()
        .table("evaluation_reviews")
        .col(number("id").auto_increment().primary_key())
        .col(text("review_id").unique_key())
        .col(text("evaluation_id"))
        .col(text("reviewer"))
        .col(text("decision"))
        .col(ColumnDef::new("total").integer())
        .col(text("reason"))
        .col(number("at_ms"))
        .col(text("salt"))
        .to_owned()
}

fn erasures() -> TableCreateStatement {
    let key = ColumnDef::new("interview_id").integer().not_null().primary_key().to_owned();
    Table::create().table("erasures").col(key).col(number("at_ms")).to_owned()
}

fn audit_log() -> TableCreateStatement {
    Table::create()
        .table("audit_log")
        // Given by whoever appends, without gaps.
        .col(number("seq").primary_key())
        .col(text("kind"))
        .col(text("subject"))
        .col(text("commitment"))
        .col(number("at_ms"))
        .col(text("link"))
        .to_owned()
}
