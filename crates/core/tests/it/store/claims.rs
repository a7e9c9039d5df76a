//! A computation has one holder at a time, and only the last one commits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use viva_core::Digest;
use viva_core::claim::{Claim, End, Taken, WorkerId};
use viva_core::liveness::{Lock, Rhythm, Sign};
use viva_core::store::{Store, Vitals};

use super::Database;
use super::fixture::{clip, has_interview, interview};

/// How the workers of these tests say that they beat.
pub const RHYTHM: Rhythm = Rhythm { beat: Duration::from_millis(1500), ttl: Duration::from_secs(17) };

pub fn computation() -> Digest {
    clip("a question", b"").computation
}

/// A worker that has told that it lives.
pub async fn worker(store: &Store) -> WorkerId {
    let id = WorkerId::new();
    let unit = store.write().await.unwrap();
    unit.worker_sessions().start(&id, "test", RHYTHM).await.unwrap();
    unit.commit().await.unwrap();
    id
}

pub async fn take(store: &Store, worker: &WorkerId) -> Taken {
    let (unit, taken) = store.take_claim(&computation(), worker).await.unwrap();
    unit.commit().await.unwrap();
    taken
}

pub async fn ours(store: &Store, worker: &WorkerId) -> Claim {
    match take(store, worker).await {
        Taken::Ours(claim) => claim,
        Taken::Held => panic!("somebody holds it"),
    }
}

pub async fn end(store: &Store, claim: &Claim, how: End) -> bool {
    let unit = store.write().await.unwrap();
    let ended = unit.claims().end(claim, how).await.unwrap();
    unit.commit().await.unwrap();
    store.release_claim(claim).await;
    ended
}

/// Declares the worker gone and opens what it held, as another would.
pub async fn rescue_from(store: &Store, gone: &WorkerId, by: &WorkerId) -> Vec<Digest> {
    let unit = store.write().await.unwrap();
    unit.worker_sessions().end(gone).await.unwrap();
    let rescued = unit.claims().rescue(by).await.unwrap();
    unit.commit().await.unwrap();
    rescued
}

pub async fn of_fifty_that_take_a_claim_at_once_one_holds_it(database: Database) {
    let store = database.store().await;
    let start = Arc::new(Barrier::new(50));
    let mut takers = JoinSet::new();
    for _ in 0..50 {
        let (store, start) = (store.clone(), start.clone());
        takers.spawn(async move {
            start.wait().await;
            take(&store, &WorkerId::new()).await
        });
    }
    let taken = takers.join_all().await;
    let holders: Vec<&Claim> = taken.iter().filter_map(|taken| if let Taken::Ours(claim) = taken { Some(claim) } else { None }).collect();
    assert_eq!(holders.len(), 1);
    assert_eq!((holders[0].epoch, holders[0].attempts), (1, 1));
}

pub async fn a_claim_that_was_taken_over_cannot_commit(database: Database) {
    let store = database.store().await;
    let (first, second) = (worker(&store).await, worker(&store).await);
    let lost = ours(&store, &first).await;
    assert_eq!(rescue_from(&store, &first, &second).await, [computation()]);
    let held = ours(&store, &second).await;
    assert!(held.epoch > lost.epoch);
    for how in [End::Settled, End::Failed, End::HandedBack] {
        assert!(!end(&store, &lost, how).await, "{how:?} under epoch {} of {}", lost.epoch, held.epoch);
    }
    // The same worker under the epoch that it had before, and somebody else under the right one.
    assert!(!end(&store, &Claim { worker: second.clone(), ..lost }, End::Settled).await);
    assert!(!end(&store, &Claim { worker: first, ..held.clone() }, End::Settled).await);
    assert!(end(&store, &held, End::Settled).await);
    assert!(!end(&store, &held, End::Settled).await, "a claim was settled twice");
}

pub async fn a_worker_that_is_not_gone_keeps_its_claims(database: Database) {
    let store = database.store().await;
    let (first, second) = (worker(&store).await, worker(&store).await);
    let held = ours(&store, &first).await;
    let unit = store.write().await.unwrap();
    assert_eq!(unit.claims().rescue(&second).await.unwrap(), []);
    unit.commit().await.unwrap();
    assert_eq!(take(&store, &second).await, Taken::Held);
    assert_eq!(take(&store, &first).await, Taken::Held, "its own delivery came twice");
    assert!(end(&store, &held, End::Settled).await);
}

pub async fn attempts_are_counted_when_they_begin_and_anew_after_the_end(database: Database) {
    let store = database.store().await;
    for attempt in 1..=3 {
        let (doomed, other) = (worker(&store).await, worker(&store).await);
        assert_eq!(ours(&store, &doomed).await.attempts, attempt);
        rescue_from(&store, &doomed, &other).await;
    }
    let last = worker(&store).await;
    let claim = ours(&store, &last).await;
    assert_eq!((claim.attempts, claim.epoch), (4, 4));
    assert!(end(&store, &claim, End::Failed).await);
    let claim = ours(&store, &last).await;
    assert_eq!(claim.attempts, 5);
    assert!(end(&store, &claim, End::Settled).await);
    let anew = ours(&store, &last).await;
    assert_eq!((anew.attempts, anew.epoch), (1, 6));
}

pub async fn what_was_handed_back_does_not_count(database: Database) {
    let store = database.store().await;
    let one = worker(&store).await;
    for _ in 0..3 {
        let claim = ours(&store, &one).await;
        assert_eq!(claim.attempts, 1);
        assert!(end(&store, &claim, End::HandedBack).await);
    }
}

pub async fn a_sign_of_life_wins_against_a_verdict(database: Database) {
    let store = database.store().await;
    let one = worker(&store).await;
    let unit = store.write().await.unwrap();
    let sessions = unit.worker_sessions();
    let seen = sessions.live().await.unwrap();
    assert_eq!(seen, [Sign { id: one.clone(), beat: 0, rhythm: RHYTHM, lock: Lock::Free }]);
    assert!(sessions.beat(&one, &Vitals::default()).await.unwrap());
    assert!(!sessions.declare_gone(&one, 0).await.unwrap(), "it has moved since");
    assert!(sessions.declare_gone(&one, 1).await.unwrap());
    assert!(!sessions.beat(&one, &Vitals::default()).await.unwrap(), "it must learn that it was declared gone");
    assert!(!sessions.declare_gone(&one, 1).await.unwrap());
    assert_eq!(sessions.live().await.unwrap(), []);
    unit.commit().await.unwrap();
}

pub async fn a_stale_commit_leaves_nothing_of_its_unit_of_work(database: Database) {
    let store = database.store().await;
    let (first, second) = (worker(&store).await, worker(&store).await);
    let lost = ours(&store, &first).await;
    let unit = store.write().await.unwrap();
    unit.interviews().put(&interview(1)).await.unwrap();
    // It stopped here, was taken for gone, and goes on: on a server the rescue need not wait for its unit of work.
    if !database.url.starts_with("sqlite:") {
        rescue_from(&store, &first, &second).await;
        let held = ours(&store, &second).await;
        assert!(!unit.claims().end(&lost, End::Settled).await.unwrap());
        drop(unit);
        assert!(!has_interview(&store, 1).await);
        assert!(end(&store, &held, End::Settled).await);
    }
}
