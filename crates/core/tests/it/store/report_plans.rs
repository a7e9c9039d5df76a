//! A report's plan ends once, with its last part, and nobody waits for one that has ended.

use std::time::Duration;

use serde_json::{Map, json};
use tokio::task::JoinSet;
use viva_core::claim::WorkerId;
use viva_core::store::{Store, Waiter};
use viva_core::task::GENERATE_FINAL_REPORT;
use viva_core::{Digest, TaskMessage};

use super::Database;

const INTERVIEW: i32 = 153;

fn plan() -> Digest {
    Digest::of_computation("report plan", &[("interview", "153")])
}

fn waiter(id: &str) -> Waiter {
    let message = TaskMessage { id: id.to_owned(), ..TaskMessage::new(GENERATE_FINAL_REPORT, vec![json!(INTERVIEW)], Map::new()) };
    Waiter { worker: WorkerId::new(), seen: 7, message }
}

async fn begin(store: &Store, parts: &[i32]) -> bool {
    let unit = store.write().await.unwrap();
    let begun = unit.report_plans().begin(&plan(), INTERVIEW, parts).await.unwrap();
    unit.commit().await.unwrap();
    begun
}

async fn wait(store: &Store, waiter: &Waiter) -> bool {
    let unit = store.write().await.unwrap();
    let waits = unit.report_plans().wait(&plan(), waiter).await.unwrap();
    unit.commit().await.unwrap();
    waits
}

async fn land(store: &Store, part: i32) -> Vec<Waiter> {
    let unit = store.write().await.unwrap();
    let waited = unit.report_plans().land(&plan(), part).await.unwrap();
    unit.commit().await.unwrap();
    waited
}

pub async fn a_plan_ends_with_its_last_part(database: Database) {
    let (store, asker) = (database.store().await, waiter("a"));
    assert!(!wait(&store, &asker).await, "there is no plan yet");
    assert!(begin(&store, &[1, 2]).await);
    assert!(!begin(&store, &[1, 2, 3]).await, "it stands already, as it was begun");
    assert!(wait(&store, &asker).await && wait(&store, &asker).await);
    let unit = store.read().await.unwrap();
    assert_eq!(unit.report_plans().open(&plan()).await.unwrap(), [1, 2]);
    assert_eq!(unit.report_plans().interview(&plan()).await.unwrap(), Some(INTERVIEW));
    unit.rollback().await.unwrap();
    for part in [2, 2, 4711] {
        assert_eq!(land(&store, part).await, []);
    }
    assert_eq!(land(&store, 1).await, std::slice::from_ref(&asker));
    assert_eq!(land(&store, 1).await, []);
    assert!(!wait(&store, &asker).await, "it has ended");
    assert!(begin(&store, &[3]).await, "whoever asks after that begins a new one");
}

pub async fn parts_are_sent_again_after_a_while_and_by_one(database: Database) {
    let store = database.store().await;
    let again = async |after: Duration| {
        let unit = store.write().await.unwrap();
        let again = unit.report_plans().send_again(&plan(), after).await.unwrap();
        unit.commit().await.unwrap();
        again
    };
    assert!(!again(Duration::ZERO).await, "there is no plan yet");
    assert!(begin(&store, &[1, 2]).await);
    let long = Duration::from_mins(1);
    assert!(!again(long).await, "they were sent just now");
    viva_testkit::sql_change(&database.url, "UPDATE report_plans SET sent_at_ms = sent_at_ms - 61000");
    assert!(again(long).await);
    assert!(!again(long).await, "they were sent again just now");
}

/// Parts that land at once, and askers that come meanwhile: whoever was told that the plan stands is handed over by one of them.
pub async fn everybody_who_waits_is_sent_on_once(database: Database) {
    let store = database.store().await;
    for _ in 0..10 {
        assert!(begin(&store, &(0..8).collect::<Vec<_>>()).await);
        let (mut landing, mut asking) = (JoinSet::new(), JoinSet::new());
        for number in 0..8 {
            let store = store.clone();
            landing.spawn(async move { land(&store, number).await });
        }
        for number in 0..8 {
            let store = store.clone();
            asking.spawn(async move {
                let waiter = waiter(&format!("t{number}"));
                wait(&store, &waiter).await.then_some(waiter.message.id)
            });
        }
        let mut sent_on: Vec<String> = landing.join_all().await.into_iter().flatten().map(|waiter| waiter.message.id).collect();
        let mut waited: Vec<String> = asking.join_all().await.into_iter().flatten().collect();
        sent_on.sort();
        waited.sort();
        assert_eq!(sent_on, waited);
    }
}

/// The last two parts of a plan land at the same moment, five hundred times: one of them ends it, never both, never none.
pub async fn in_500_races_each_plan_ends_once(database: Database) {
    let store = database.store().await;
    let asker = waiter("a");
    for race in 0..500 {
        assert!(begin(&store, &[1, 2]).await, "race {race}: the plan before it has not ended");
        assert!(wait(&store, &asker).await);
        let (one, other) = tokio::join!(tokio::spawn(landed(store.clone(), 1)), tokio::spawn(landed(store.clone(), 2)));
        let sent_on: Vec<Waiter> = [one.unwrap(), other.unwrap()].concat();
        assert_eq!(sent_on, std::slice::from_ref(&asker), "race {race}");
    }
}

async fn landed(store: Store, part: i32) -> Vec<Waiter> {
    land(&store, part).await
}
