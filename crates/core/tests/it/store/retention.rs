//! Bookkeeping is forgotten when nobody can need it any more, and not before.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use viva_core::claim::End;
use viva_core::store::{Letter, Pruned, Relayed, Retention, Store, Topic, Waiter};
use viva_core::task::SYNTHESIZE;
use viva_core::{Digest, Outcome, TaskMessage};

use super::Database;
use super::claims::{computation, end, ours, worker};
use super::fixture::clip;

const DAY: Duration = Duration::from_hours(24);
const KEEP: Retention = Retention { claims: DAY, sessions: DAY, arrivals: DAY, events: DAY, idempotency_keys: DAY };

/// Makes everything that is over look as if it had been for three days.
async fn age(database: &Database) {
    let raw = database.raw().await;
    let past = i64::try_from(3 * DAY.as_millis()).unwrap();
    let columns = [
        ("claims", "ended_at_ms"),
        ("worker_sessions", "beat_at_ms"),
        ("arrivals", "came_at_ms"),
        ("events", "at_ms"),
        ("idempotency_keys", "at_ms"),
    ];
    for (table, column) in columns {
        raw.execute_unprepared(&format!("UPDATE {table} SET {column} = {column} - {past}")).await.unwrap();
    }
}

fn message(id: &str) -> TaskMessage {
    TaskMessage { id: id.to_owned(), ..TaskMessage::new(SYNTHESIZE, Vec::new(), serde_json::Map::new()) }
}

fn other(text: &str) -> Digest {
    clip(text, b"").computation
}

/// Notes the tasks' arrival, in this order.
async fn arrive(store: &Store, tasks: &[&str]) {
    let unit = store.write().await.unwrap();
    for task in tasks {
        let seen = unit.arrivals().place(task).await.unwrap();
        assert!(unit.effects().advance(&format!("target of {task}"), seen, task).await.unwrap());
    }
    unit.commit().await.unwrap();
}

pub async fn what_is_over_is_forgotten_after_its_time(database: Database) {
    let store = database.store().await;
    let (leaves, stays) = (worker(&store).await, worker(&store).await);
    let claim = ours(&store, &leaves).await;
    assert!(end(&store, &claim, End::Settled).await);
    arrive(&store, &["old"]).await;
    let unit = store.write().await.unwrap();
    unit.worker_sessions().end(&leaves).await.unwrap();
    for topic in [Topic::Interview(1), Topic::Job("j".to_owned())] {
        unit.tell(topic, "job.succeeded", serde_json::json!({}));
    }
    assert!(unit.idempotency_keys().note("platform", "a", &computation()).await.unwrap());
    unit.commit().await.unwrap();
    assert_eq!(store.prune(KEEP).await.unwrap(), Pruned::default(), "nothing is old yet");
    age(&database).await;
    arrive(&store, &["new"]).await;
    // Two events, and the head of the job, which nobody asks for again.
    let all = Pruned { claims: 1, sessions: 1, arrivals: 1, effects: 1, events: 3, idempotency_keys: 1 };
    assert_eq!(store.prune(KEEP).await.unwrap(), all);
    let unit = store.read().await.unwrap();
    assert_eq!(unit.events().head(&Topic::Interview(1)).await.unwrap(), 1, "its numbers never begin again");
    assert_eq!(unit.events().head(&Topic::Job("j".to_owned())).await.unwrap(), 0);
    let left: Vec<_> = unit.worker_sessions().all().await.unwrap().into_iter().map(|session| session.id).collect();
    assert_eq!(left, std::slice::from_ref(&stays), "however long it has been silent, it has not left");
    unit.rollback().await.unwrap();
    // The same computation begins anew, and a forgotten right is worth nothing.
    let anew = ours(&store, &stays).await;
    assert_eq!((anew.epoch, anew.attempts), (1, 1));
    assert!(!end(&store, &claim, End::Settled).await);
    assert!(end(&store, &anew, End::Settled).await);
}

pub async fn what_somebody_needs_is_kept_however_old(database: Database) {
    let store = database.store().await;
    let gone = worker(&store).await;
    ours(&store, &gone).await;
    arrive(&store, &["waits", "is answered", "is over"]).await;
    let unit = store.write().await.unwrap();
    let waiter = Waiter { worker: gone.clone(), seen: 1, message: message("waits") };
    assert!(unit.waiters().add(&computation(), &waiter).await.unwrap());
    let letter = Letter::Reply { to: message("is answered"), outcome: Outcome::Success(1.into()) };
    unit.outbox().post(&[(Relayed::By(&gone), letter)]).await.unwrap();
    unit.worker_sessions().end(&gone).await.unwrap();
    unit.commit().await.unwrap();
    age(&database).await;
    // The oldest arrival stays, and with it every target that it might have to be compared with.
    assert_eq!(store.prune(KEEP).await.unwrap(), Pruned { arrivals: 1, ..Pruned::default() });
    let rescuer = worker(&store).await;
    let unit = store.write().await.unwrap();
    assert_eq!(unit.claims().rescue(&rescuer).await.unwrap(), [computation()]);
    assert_eq!(unit.outbox().adopt(&rescuer).await.unwrap(), 1);
    assert_eq!(unit.waiters().take_all(&computation()).await.unwrap().len(), 1);
    unit.commit().await.unwrap();
}

/// A process that slept until its row was forgotten takes a claim on waking, before it learns that it is gone.
pub async fn whoever_is_known_no_more_is_rescued_from(database: Database) {
    let store = database.store().await;
    let (sleeper, rescuer) = (worker(&store).await, worker(&store).await);
    let unit = store.write().await.unwrap();
    unit.worker_sessions().end(&sleeper).await.unwrap();
    unit.commit().await.unwrap();
    age(&database).await;
    assert_eq!(store.prune(KEEP).await.unwrap().sessions, 1);
    let taken = ours(&store, &sleeper).await;
    let unit = store.write().await.unwrap();
    assert!(unit.worker_sessions().have_left().await.unwrap());
    assert_eq!(unit.claims().rescue(&rescuer).await.unwrap(), [computation()]);
    assert!(!unit.worker_sessions().have_left().await.unwrap());
    unit.commit().await.unwrap();
    assert!(!end(&store, &taken, End::Settled).await);
}

pub async fn thousands_are_forgotten_in_small_steps(database: Database) {
    let store = database.store().await;
    let raw = database.raw().await;
    let rows: Vec<_> = (0..2500).map(|n| format!("('{}', 'settled', NULL, 1, 1, 1)", other(&n.to_string()).as_str())).collect();
    let insert = format!("INSERT INTO claims (computation, state, worker, epoch, attempts, ended_at_ms) VALUES {}", rows.join(", "));
    raw.execute_unprepared(&insert).await.unwrap();
    assert_eq!(store.prune(KEEP).await.unwrap().claims, 2500);
}
