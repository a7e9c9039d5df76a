//! One computation, one effect: who computes what, who waits for it, what each target shows, what is to be published,
//! and what was asked for and is not answered yet.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [fn() -> TableCreateStatement; 7] = [worker_sessions, claims, waiters, arrivals, effects, outbox, dispatches];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager.create_table(table()).await?;
        }
        let once = Index::create().name("waiters_once").table("waiters").col("computation").col("task_id").unique().to_owned();
        manager.create_index(once).await?;
        for (table, column) in [("claims", "worker"), ("outbox", "worker"), ("outbox", "ordering_key")] {
            let index = Index::create().name(format!("{table}_{column}")).table(table).col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["dispatches", "outbox", "effects", "arrivals", "waiters", "claims", "worker_sessions"] {
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

/// Numbered in the order of writing.
fn serial(name: &'static str) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().auto_increment().primary_key().to_owned()
}

fn key(name: &'static str) -> ColumnDef {
    text(name).primary_key().to_owned()
}

fn worker_sessions() -> TableCreateStatement {
    Table::create().table("worker_sessions").col(key("id")).col(text("name")).col(text("state")).col(number("beat")).to_owned()
}

fn claims() -> TableCreateStatement {
    let worker = ColumnDef::new("worker").text().to_owned();
    let table = Table::create().table("claims").col(key("computation")).col(text("state")).col(worker).to_owned();
    table.clone().col(number("epoch")).col(number("attempts")).to_owned()
}

fn waiters() -> TableCreateStatement {
    let table = Table::create().table("waiters").col(serial("id")).col(text("computation")).to_owned();
    table.clone().col(text("task_id")).col(text("worker")).col(number("seen")).col(text("message")).to_owned()
}

fn arrivals() -> TableCreateStatement {
    Table::create().table("arrivals").col(serial("seen")).col(text("task_id").unique_key()).to_owned()
}

fn effects() -> TableCreateStatement {
    Table::create().table("effects").col(key("target")).col(number("seen")).col(text("task_id")).to_owned()
}

fn dispatches() -> TableCreateStatement {
    Table::create().table("dispatches").col(key("request")).col(text("task_id").unique_key()).to_owned()
}

fn outbox() -> TableCreateStatement {
    // An empty worker: for the first relay that looks.
    Table::create().table("outbox").col(serial("id")).col(text("worker")).col(text("ordering_key")).col(text("body")).to_owned()
}
