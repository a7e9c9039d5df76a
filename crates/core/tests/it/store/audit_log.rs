//! Every stored row is held by the log, in every column.

use std::sync::Arc;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use viva_core::evaluation::{Decision, Status};
use viva_core::store::{Checked, Head, Store, migrate, migrate_down, versions};

use super::Database;
use super::fixture::evaluation;

const TABLES: [&str; 3] = ["evaluations", "evaluation_reviews", "audit_log"];

/// A store with some evaluations and reviews.
async fn filled(database: &Database) -> Store {
    let store = database.store().await;
    for transcript in 1..=3 {
        let unit = store.write().await.unwrap();
        let stored = unit.evaluations().record(&evaluation(transcript, &format!("c{transcript}"), Status::Scored)).await.unwrap();
        unit.reviews().record(&stored.evaluation_id, "kim", (transcript == 2).then_some(9), "들어 보았습니다").await.unwrap();
        unit.commit().await.unwrap();
    }
    store
}

async fn check(store: &Store) -> Checked {
    store.check_log(None).await.unwrap()
}

/// Each column of a table with what changes it.
async fn columns(raw: &DatabaseConnection, table: &str) -> Vec<(String, String)> {
    let sql = match raw.get_database_backend() {
        DbBackend::Sqlite => format!("SELECT name, lower(type) AS kind FROM pragma_table_info('{table}')"),
        _ => format!(
            "SELECT column_name::text AS name, data_type::text AS kind FROM information_schema.columns WHERE table_name = '{table}'"
        ),
    };
    let rows = raw.query_all_raw(Statement::from_string(raw.get_database_backend(), sql)).await.unwrap();
    let column = |row: &sea_orm::QueryResult| {
        let (name, kind): (String, String) = (row.try_get("", "name").unwrap(), row.try_get("", "kind").unwrap());
        let changed = if kind.contains("int") { format!("COALESCE({name}, 0) + 1000") } else { format!("COALESCE({name}, '') || 'x'") };
        (name, changed)
    };
    rows.iter().map(column).collect()
}

async fn run(raw: &DatabaseConnection, sql: &str) {
    raw.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Has `table` as it is now put back after each change.
async fn save(raw: &DatabaseConnection, table: &str) {
    run(raw, &format!("CREATE TABLE saved_{table} AS SELECT * FROM {table}")).await;
}

async fn put_back(raw: &DatabaseConnection, table: &str) {
    run(raw, &format!("DELETE FROM {table}")).await;
    run(raw, &format!("INSERT INTO {table} SELECT * FROM saved_{table}")).await;
}

pub async fn a_change_of_any_column_is_found(database: Database) {
    let store = filled(&database).await;
    let whole = check(&store).await;
    assert_eq!((whole.faults, whole.entries, whole.evaluations, whole.reviews), (Vec::new(), 6, 3, 3));
    let raw = database.raw().await;
    for table in TABLES {
        save(&raw, table).await;
        let key = if table == "audit_log" { "seq" } else { "id" };
        let columns = columns(&raw, table).await;
        assert!(columns.len() >= 6, "{table}: {columns:?}");
        for (column, changed) in columns {
            run(&raw, &format!("UPDATE {table} SET {column} = {changed} WHERE {key} = 2")).await;
            let faults = check(&store).await.faults;
            assert!(!faults.is_empty(), "a change of {table}.{column} was not noticed");
            put_back(&raw, table).await;
            assert_eq!(check(&store).await.faults, [], "{table}.{column} was not put back");
        }
    }
}

pub async fn a_row_that_is_missing_added_or_put_back_is_found(database: Database) {
    let store = filled(&database).await;
    let raw = database.raw().await;
    for table in TABLES {
        save(&raw, table).await;
    }
    let copy = |table: &str, columns: &str| format!("INSERT INTO {table} SELECT {columns} FROM saved_{table}");
    for sql in [
        "DELETE FROM evaluations WHERE id = 1".to_owned(),
        "DELETE FROM evaluation_reviews WHERE id = 3".to_owned(),
        "DELETE FROM audit_log WHERE seq = 1".to_owned(),
        "DELETE FROM audit_log WHERE seq = 4".to_owned(),
        "UPDATE audit_log SET seq = CASE seq WHEN 5 THEN -1 WHEN 6 THEN 5 ELSE seq END".to_owned(),
        // An evaluation that nobody stored through the log.
        copy(
            "evaluations",
            "99, 'new', interview_id, 99, question_id, 'cx', status, total, record, finished_at_ms, rubric_sha256, \
              model_sha256, engine, numeric_class, input_sha256, prompt_sha256, supersedes, salt",
        ) + " WHERE id = 1",
        // Somebody says that it was erased, and it stands.
        "INSERT INTO audit_log SELECT 7, 'erasure', subject, '', at_ms, link FROM saved_audit_log WHERE seq = 1".to_owned(),
        // The log is emptied, and what it spoke of is not.
        "DELETE FROM audit_log".to_owned(),
    ] {
        run(&raw, &sql).await;
        assert!(!check(&store).await.faults.is_empty(), "{sql}");
        for table in TABLES {
            put_back(&raw, table).await;
        }
        assert_eq!(check(&store).await.faults, [], "{sql}");
    }
}

pub async fn an_end_that_was_cut_off_is_found_by_a_noted_head(database: Database) {
    let store = filled(&database).await;
    let head = check(&store).await.head.unwrap();
    let noted: Head = head.to_string().parse().unwrap();
    assert_eq!(noted, head);
    let found = async || store.check_log(Some(&noted)).await.unwrap().faults.len();
    assert_eq!(found().await, 0);
    let raw = database.raw().await;
    // The newest score, its review and their entries, as if they had never been.
    for sql in
        ["DELETE FROM evaluations WHERE id = 3", "DELETE FROM evaluation_reviews WHERE id = 3", "DELETE FROM audit_log WHERE seq > 4"]
    {
        run(&raw, sql).await;
    }
    assert_eq!((check(&store).await.faults.len(), found().await), (0, 1));
}

pub async fn fifty_that_append_at_once_make_one_chain(database: Database) {
    let store = database.store().await;
    let start = Arc::new(Barrier::new(50));
    let mut units = JoinSet::new();
    for number in 0..50 {
        let (start, store) = (start.clone(), store.clone());
        units.spawn(async move {
            start.wait().await;
            let unit = store.write().await.unwrap();
            unit.evaluations().record(&evaluation(number, &format!("c{number}"), Status::Scored)).await.unwrap();
            unit.commit().await.unwrap();
        });
    }
    units.join_all().await;
    let checked = check(&store).await;
    assert_eq!((checked.faults, checked.entries, checked.evaluations), (Vec::new(), 50, 50));
}

pub async fn what_is_not_committed_is_not_in_the_log(database: Database) {
    let store = filled(&database).await;
    let before = check(&store).await;
    let unit = store.write().await.unwrap();
    unit.evaluations().record(&evaluation(9, "c9", Status::Scored)).await.unwrap();
    unit.rollback().await.unwrap();
    let unit = store.write().await.unwrap();
    // The same computation again: the row that stands is the one that was logged.
    unit.evaluations().record(&evaluation(1, "c1", Status::Scored)).await.unwrap();
    unit.commit().await.unwrap();
    let after = check(&store).await;
    assert_eq!((after.faults, after.entries, after.head), (Vec::new(), before.entries, before.head));
}

pub async fn rows_of_the_version_before_are_taken_in(database: Database) {
    filled(&database).await;
    let applied = versions(&database.url).await.unwrap().applied;
    let since = applied.len() - applied.iter().position(|step| step.ends_with("_records")).unwrap();
    migrate_down(&database.url, since as u32).await.unwrap();
    migrate(&database.url).await.unwrap();
    let store = Store::connect(&database.url).await.unwrap();
    let checked = check(&store).await;
    assert_eq!((checked.faults, checked.entries, checked.evaluations), (Vec::new(), 3, 3));
    run(&database.raw().await, "UPDATE evaluations SET total = 1 WHERE id = 2").await;
    assert_eq!(check(&store).await.faults.len(), 1);
}

pub async fn a_rubric_is_kept_under_its_hash(database: Database) {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    for _ in 0..2 {
        unit.rubrics().keep("id: a\n").await.unwrap();
    }
    let sha256 = viva_core::digest::sha256_hex(b"id: a\n");
    assert_eq!(unit.rubrics().find(&sha256).await.unwrap().as_deref(), Some("id: a\n"));
    assert_eq!(unit.rubrics().find("0").await.unwrap(), None);
    unit.commit().await.unwrap();
    run(&database.raw().await, "UPDATE rubrics SET yaml = 'id: b'").await;
    assert_eq!(check(&store).await.faults.len(), 1);
}

pub async fn what_people_said_is_kept_beside_the_score(database: Database) {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    let stored = unit.evaluations().record(&evaluation(1, "c", Status::Scored)).await.unwrap();
    let id = &stored.evaluation_id;
    unit.reviews().record(id, "kim", Some(9), "잘 답했습니다").await.unwrap();
    unit.reviews().record(id, "lee", None, "그대로 둡니다").await.unwrap();
    unit.commit().await.unwrap();

    let unit = store.read().await.unwrap();
    let said = unit.reviews().of(id).await.unwrap();
    let told: Vec<_> = said.iter().map(|review| (review.reviewer.as_str(), review.decision, review.total)).collect();
    assert_eq!(told, [("kim", Decision::Overridden, Some(9)), ("lee", Decision::Confirmed, None)]);
    let found = unit.evaluations().get(id).await.unwrap();
    assert_eq!((found.human_review.as_ref(), found.total, found.standing_total()), (said.last(), Some(7), Some(7)));
    assert_eq!(unit.evaluations().newest(153).await.unwrap(), [found]);
    let error = unit.evaluations().get("nobody").await.unwrap_err().to_string();
    assert!(error.contains("nobody"), "{error}");
}
