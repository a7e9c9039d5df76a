//! Migrations: up, down, beside somebody else's tables, and by two programs at once.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use viva_core::store::{migrate, migrate_down, versions};

use super::Database;

/// The tables and what they are made of, in the database's own words.
async fn tables(db: &DatabaseConnection) -> Vec<(String, String)> {
    let catalogue = match db.get_database_backend() {
        DbBackend::Sqlite => {
            "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'viva_migrations' ORDER BY name"
        }
        _ => {
            "SELECT table_name::text AS name, string_agg(concat_ws(' ', column_name, udt_name, is_nullable, column_default), ', ' ORDER BY
             ordinal_position) AS sql FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'viva_migrations'
             GROUP BY table_name ORDER BY table_name"
        }
    };
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), catalogue)).await.unwrap();
    rows.iter().map(|row| (row.try_get("", "name").unwrap(), row.try_get("", "sql").unwrap())).collect()
}

pub async fn every_step_goes_up_and_down_again(database: Database) {
    let applied = migrate(&database.url).await.unwrap();
    let raw = database.raw().await;
    let whole = tables(&raw).await;
    let names: Vec<&str> = whole.iter().map(|(name, _)| &name[..]).collect();
    let flight = ["arrivals", "claims", "dispatches", "effects", "outbox", "waiters", "worker_sessions"];
    let records = ["audit_log", "erasures", "evaluation_reviews", "evaluations", "rubrics"];
    let interviewer = ["next_questions", "resume_chunks"];
    let news = ["event_heads", "events", "idempotency_keys"];
    let own = [&["report_parts", "report_plans", "speech_clips", "viva_tables"][..], &records, &interviewer, &flight, &news].concat();
    let contract = ["evaluation_reports", "interviews", "questions", "resumes", "transcripts"];
    assert!(own.iter().chain(&contract).all(|table| names.contains(table)), "{names:?}");
    assert_eq!(names.len(), own.len() + contract.len());

    for (taken_back, step) in applied.iter().rev().enumerate() {
        let before = tables(&raw).await;
        migrate_down(&database.url, 1).await.unwrap();
        assert_ne!(tables(&raw).await, before, "{step} took nothing back");
        assert_eq!(versions(&database.url).await.unwrap().pending.len(), taken_back + 1);
    }
    assert_eq!(tables(&raw).await, []);
    assert_eq!(migrate(&database.url).await.unwrap(), applied);
    assert_eq!(tables(&raw).await, whole);
}

pub async fn what_somebody_else_made_stays_as_it_is(database: Database) {
    // A database with the platform's own forms of two of the tables, one row each, and a table of no concern to us.
    migrate(&database.url).await.unwrap();
    migrate_down(&database.url, u32::MAX).await.unwrap();
    let raw = database.raw().await;
    for statement in [
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT)",
        "CREATE TABLE interviews (id INTEGER PRIMARY KEY, position VARCHAR NOT NULL, status VARCHAR(9) NOT NULL, overall_score FLOAT, mood TEXT)",
        "CREATE TABLE transcripts (id INTEGER PRIMARY KEY, interview_id INTEGER, text VARCHAR, \"order\" INTEGER)",
        "INSERT INTO interviews (id, position, status, mood) VALUES (153, 'backend', 'COMPLETED', 'tense')",
        "INSERT INTO transcripts (id, interview_id, text) VALUES (1, 153, 'hello')",
    ] {
        raw.execute_unprepared(statement).await.unwrap();
    }
    let theirs = tables(&raw).await;
    let kept = async |what: &str| {
        let now = tables(&raw).await;
        assert!(theirs.iter().all(|table| now.contains(table)), "{what}: {now:?}");
        let rows = raw.query_all_raw(Statement::from_string(
            raw.get_database_backend(),
            "SELECT i.id FROM interviews i JOIN transcripts t ON t.interview_id = i.id WHERE mood = 'tense' AND text = 'hello'",
        ));
        assert_eq!(rows.await.unwrap().len(), 1, "{what}");
    };
    migrate(&database.url).await.unwrap();
    kept("up").await;
    migrate_down(&database.url, u32::MAX).await.unwrap();
    kept("down").await;
    assert_eq!(tables(&raw).await, theirs);
}

pub async fn two_that_migrate_at_once_do_it_once(database: Database) {
    let (first, second) = tokio::join!(migrate(&database.url), migrate(&database.url));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(first.is_empty() != second.is_empty(), "{first:?} {second:?}");
    let now = versions(&database.url).await.unwrap();
    assert_eq!((now.applied.len(), now.pending.len()), (first.len() + second.len(), 0));
}

pub async fn migrating_again_does_nothing(database: Database) {
    let applied = migrate(&database.url).await.unwrap();
    assert!(!applied.is_empty());
    assert_eq!(migrate(&database.url).await.unwrap(), Vec::<String>::new());
    assert_eq!(versions(&database.url).await.unwrap().applied, applied);
}
