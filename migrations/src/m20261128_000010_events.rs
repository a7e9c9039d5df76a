//! News: what happened to an interview, a question or a job, numbered per topic, for those who watch; and what workers tell of their work.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [event_heads(), events(), idempotency_keys()] {
            manager.create_table(table).await?;
        }
        let once = Index::create().name("events_topic_seq").table("events").col("topic").col("seq").unique().to_owned();
        let by_kind = Index::create().name("events_kind_at_ms").table("events").col("kind").col("at_ms").to_owned();
        let due = Index::create().name("events_hook_due_ms").table("events").col("hook_due_ms").to_owned();
        for index in [once, by_kind, due] {
            manager.create_index(index).await?;
        }
        let gauges = ColumnDef::new("gauges").text().not_null().default("{}").to_owned();
        manager.alter_table(Table::alter().table("worker_sessions").add_column(gauges).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("worker_sessions").drop_column("gauges").to_owned()).await?;
        for table in ["idempotency_keys", "events", "event_heads"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

fn text(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).text().not_null().to_owned()
}

fn number(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().to_owned()
}

/// Whoever adds to a topic holds its row until the commit: numbers become visible in their order, without gaps.
fn event_heads() -> TableCreateStatement {
    Table::create().table("event_heads").col(text("topic").primary_key()).col(number("seq")).to_owned()
}

fn events() -> TableCreateStatement {
    Table::create()
        .table("events")
        .col(number("id").auto_increment().primary_key())
        .col(text("topic"))
        .col(number("seq"))
        .col(text("kind"))
        .col(text("body"))
        .col(number("at_ms"))
        // When a webhook is to be tried next; NULL once it is delivered or given up.
        .col(ColumnDef::new("hook_due_ms").big_integer().default(0))
        .col(ColumnDef::new("hook_attempts").integer().not_null().default(0))
        .to_owned()
}

/// What a client named a request by, and what it asked for then.
fn idempotency_keys() -> TableCreateStatement {
    let once = Index::create().col("owner").col("name").to_owned();
    Table::create()
        .table("idempotency_keys")
        .col(text("owner"))
        .col(text("name"))
        .col(text("fingerprint"))
        .col(number("at_ms"))
        .primary_key(&mut once.clone())
        .to_owned()
}
