//! A program works on no schema that it does not know, and on no address that it cannot use.

use sea_orm::ConnectionTrait as _;
use viva_core::store::{Error, Store, Versions, migrate, migrate_down, versions};
use viva_core::{Classified as _, ErrorClass, TaskError};

use super::Database;
use super::fixture::interview;
use crate::disk::Disk;

pub async fn a_database_newer_than_the_program_is_refused_with_both_versions(database: Database) {
    database.store().await.close().await.unwrap();
    let raw = database.raw().await;
    raw.execute_unprepared("INSERT INTO viva_migrations (version, applied_at) VALUES ('m29990101_000001_future', 0)").await.unwrap();
    let refused = [
        Store::connect(&database.url).await.unwrap_err(),
        migrate(&database.url).await.unwrap_err(),
        migrate_down(&database.url, 1).await.unwrap_err(),
    ];
    for error in refused {
        let said = error.to_string();
        assert!(said.contains("m29990101_000001_future") && said.contains(&Versions::newest_known()), "{said}");
        assert!(said.contains("update this program"), "{said}");
        assert_eq!(error.class(), ErrorClass::Permanent);
    }
    assert_eq!(versions(&database.url).await.unwrap().unknown, ["m29990101_000001_future"]);
}

pub async fn a_database_that_lacks_steps_is_refused_with_the_command(database: Database) {
    database.store().await.close().await.unwrap();
    migrate_down(&database.url, 1).await.unwrap();
    let error = Store::connect(&database.url).await.unwrap_err();
    let said = error.to_string();
    assert!(said.contains(&Versions::newest_known()) && said.contains("run `viva migrate`"), "{said}");
    assert!(matches!(error, Error::Pending { pending, .. } if pending == [Versions::newest_known()]));
}

#[tokio::test]
async fn a_missing_database_is_not_made_by_a_worker() {
    let database = Database::sqlite();
    let said = Store::connect(&database.url).await.unwrap_err().to_string();
    assert!(said.contains("there is no database; run `viva migrate`"), "{said}");
    assert!(!database.file().exists());
}

#[tokio::test]
async fn an_address_that_cannot_be_used_says_what_to_write_and_no_password() {
    let urls = ["", "mysql://u:secret@h/d", "sqlite://", "sqlite::memory:", "sqlite://a.db?mode=secret"];
    for url in urls {
        let said = Store::connect(url).await.unwrap_err().to_string();
        assert!(said.contains("sqlite:///absolute/path.db") && !said.contains("secret"), "{said}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("notes.txt");
    std::fs::write(&file, "not a database at all, but long enough to look at ".repeat(20)).unwrap();
    let error = TaskError::from(Store::connect(&format!("sqlite://{}", file.display())).await.unwrap_err());
    assert!(error.chain().contains("file is not a database"), "{}", error.chain());
}

#[tokio::test]
async fn a_path_may_hold_any_character() {
    let place = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/면접 100%#1/viva.db", place.path().display());
    migrate(&url).await.unwrap();
    Store::connect(&url).await.unwrap();
    assert!(place.path().join("면접 100%#1/viva.db").is_file());
}

#[tokio::test]
async fn a_full_disk_takes_the_unit_of_work_back() {
    let Some(disk) = Disk::mount("1m") else { return };
    let url = format!("sqlite://{}/viva.db", disk.path().display());
    migrate(&url).await.unwrap();
    let store = Store::connect(&url).await.unwrap();
    let session = store.write().await.unwrap();
    let mut stored = Ok(());
    for id in 0..2000 {
        let big = viva_core::store::Interview { position: "x".repeat(4000), ..interview(id) };
        stored = session.interviews().put(&big).await;
        if stored.is_err() {
            break;
        }
    }
    let ended = match stored {
        Ok(()) => session.commit().await,
        Err(error) => Err(error),
    };
    let error = TaskError::from(ended.unwrap_err());
    assert_eq!(error.class(), ErrorClass::Transient);
    assert!(error.chain().contains("disk is full"), "{}", error.chain());
    assert!(store.read().await.unwrap().interviews().get(0).await.is_err());
}

#[tokio::test]
async fn a_database_that_went_away_is_no_fault_of_the_task() {
    let server = viva_testkit::Postgres::start();
    let url = server.database();
    migrate(&url).await.unwrap();
    let store = Store::connect(&url).await.unwrap();
    // A connection that breaks under a unit of work, and one that cannot be had.
    let unit = store.write().await.unwrap();
    drop(server);
    let broken = unit.interviews().get(1).await.unwrap_err();
    let refused = store.write().await.unwrap_err();
    for error in [broken, refused] {
        assert_eq!(error.class(), ErrorClass::Unavailable, "{error:?}");
    }
}
