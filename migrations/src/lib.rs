//! The schema, step by step, up and down.
//!
//! Promises to create what is missing and to leave what somebody else made as it is: a table that was there before is neither
//! altered on the way up nor dropped on the way down. Viva's own tables have no foreign keys into the platform's, because
//! those would bind the platform's deletes. Does not decide when to migrate.

mod m20261123_000001_contract;
mod m20261123_000002_evaluations;
mod m20261123_000003_speech_clips;
mod m20261123_000004_single_flight;
mod m20261128_000005_liveness;
mod m20261128_000006_report_plans;
mod m20261128_000007_parts_sent;
mod m20261128_000008_records;
mod m20261128_000009_resumes;
mod m20261128_000010_events;
mod owned;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseTransaction;

/// Every step, oldest first.
struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_contract::Migration),
            Box::new(m20261123_000002_evaluations::Migration),
            Box::new(m20261123_000003_speech_clips::Migration),
            Box::new(m20261123_000004_single_flight::Migration),
            Box::new(m20261128_000005_liveness::Migration),
            Box::new(m20261128_000006_report_plans::Migration),
            Box::new(m20261128_000007_parts_sent::Migration),
            Box::new(m20261128_000008_records::Migration),
            Box::new(m20261128_000009_resumes::Migration),
            Box::new(m20261128_000010_events::Migration),
        ]
    }

    /// A name of our own: the platform may keep its migrations with the same library.
    fn migration_table_name() -> DynIden {
        "viva_migrations".into_iden()
    }
}

/// Where a database stands, as seen from this program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// Steps that were applied and are known here, oldest first.
    pub applied: Vec<String>,
    /// Steps that this program has and the database lacks, oldest first.
    pub pending: Vec<String>,
    /// Steps that were applied by a newer program.
    pub unknown: Vec<String>,
}

impl Versions {
    /// Reads them. Writes nothing, and needs no right to.
    pub async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
        let recorded = recorded(db).await?;
        let (applied, pending) = known.iter().cloned().partition(|step| recorded.contains(step));
        let unknown = recorded.into_iter().filter(|step| !known.contains(step)).collect();
        Ok(Self { applied, pending, unknown })
    }

    /// The newest step that this program knows.
    pub fn newest_known() -> String {
        Migrator::migrations().last().map(|step| step.name().to_owned()).unwrap_or_default()
    }
}

/// Makes programs that migrate at the same time take turns, until the caller's transaction ends. SQLite's writers do anyway.
pub async fn take_turn(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    if transaction.get_database_backend() == sea_orm_migration::sea_orm::DbBackend::Postgres {
        // "viva" in ASCII.
        transaction.execute_unprepared("SELECT pg_advisory_xact_lock(1986622049)").await?;
    }
    Ok(())
}

/// Applies every step that is pending. Inside the caller's transaction, so all or none.
pub async fn up(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    Migrator::up(transaction, None).await
}

/// Takes the newest `steps` steps back, with the tables and rows that they made. All or none.
pub async fn down(transaction: &DatabaseTransaction, steps: u32) -> Result<(), DbErr> {
    Migrator::down(transaction, Some(steps)).await
}

async fn recorded(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    if !owned::has_table(db, "viva_migrations").await? {
        return Ok(Vec::new());
    }
    let select = Query::select().column("version").from("viva_migrations").order_by("version", Order::Asc).to_owned();
    db.query_all(&select).await?.iter().map(|row| row.try_get("", "version")).collect()
}
