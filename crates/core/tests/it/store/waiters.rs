//! Whoever waits is answered, an older task replaces nothing newer, and what is to be published leaves in order.

use std::collections::BTreeSet;

use serde_json::{Map, json};
use tokio::task::JoinSet;
use viva_core::claim::{End, Taken, WorkerId};
use viva_core::store::{Letter, Relayed, Store, Waiter};
use viva_core::task::SYNTHESIZE;
use viva_core::{Digest, Outcome, TaskMessage};

use super::Database;
use super::claims::{RHYTHM, end, ours, worker};
use super::fixture::clip;

fn computation() -> Digest {
    clip("a question", b"").computation
}

fn message(id: &str) -> TaskMessage {
    TaskMessage { id: id.to_owned(), ..TaskMessage::new(SYNTHESIZE, vec![json!("질문?")], Map::new()) }
}

fn waiter(worker: &WorkerId, id: &str) -> Waiter {
    Waiter { worker: worker.clone(), seen: 7, message: message(id) }
}

async fn claimed(store: &Store, worker: &WorkerId) -> viva_core::claim::Claim {
    let unit = store.write().await.unwrap();
    unit.worker_sessions().start(worker, "test", RHYTHM).await.unwrap();
    let Taken::Ours(claim) = unit.claims().take(&computation(), worker).await.unwrap() else { panic!("it is held") };
    unit.commit().await.unwrap();
    claim
}

pub async fn nobody_waits_for_what_nobody_computes(database: Database) {
    let (store, one) = (database.store().await, WorkerId::new());
    let add = async |id| {
        let unit = store.write().await.unwrap();
        let added = unit.waiters().add(&computation(), &waiter(&one, id)).await.unwrap();
        unit.commit().await.unwrap();
        added
    };
    assert!(!add("early").await);
    let claim = claimed(&store, &one).await;
    assert!(add("in time").await);
    let unit = store.write().await.unwrap();
    assert!(unit.claims().end(&claim, End::Settled).await.unwrap());
    assert_eq!(unit.waiters().take_all(&computation()).await.unwrap(), [waiter(&one, "in time")]);
    unit.commit().await.unwrap();
    assert!(!add("late").await);
}

pub async fn a_task_that_comes_again_waits_once(database: Database) {
    let (store, one) = (database.store().await, WorkerId::new());
    claimed(&store, &one).await;
    let unit = store.write().await.unwrap();
    for id in ["a", "b", "a"] {
        assert!(unit.waiters().add(&computation(), &waiter(&one, id)).await.unwrap());
    }
    assert_eq!(unit.waiters().first(&computation()).await.unwrap(), Some(waiter(&one, "a")));
    assert!(unit.waiters().holds(&computation(), "b").await.unwrap() && !unit.waiters().holds(&computation(), "c").await.unwrap());
    let other = clip("another question", b"").computation;
    assert_eq!(unit.waiters().take_all(&other).await.unwrap(), []);
    assert_eq!(unit.waiters().take_all(&computation()).await.unwrap(), [waiter(&one, "a"), waiter(&one, "b")]);
    assert_eq!(unit.waiters().first(&computation()).await.unwrap(), None);
    unit.commit().await.unwrap();
}

/// Waiters that come while the claim is settled: each is either taken by the one who settles, or told that it came too late.
pub async fn whoever_waits_is_taken_by_the_one_who_settles(database: Database) {
    let (store, one) = (database.store().await, WorkerId::new());
    let claim = claimed(&store, &one).await;
    let mut late = JoinSet::new();
    for number in 0..40 {
        let (store, one) = (store.clone(), one.clone());
        late.spawn(async move {
            let id = format!("t{number:02}");
            let unit = store.write().await.unwrap();
            let added = unit.waiters().add(&computation(), &waiter(&one, &id)).await.unwrap();
            unit.commit().await.unwrap();
            added.then_some(id)
        });
    }
    let unit = store.write().await.unwrap();
    assert!(unit.claims().end(&claim, End::Settled).await.unwrap());
    let mut taken: Vec<_> = unit.waiters().take_all(&computation()).await.unwrap().into_iter().map(|waiter| waiter.message.id).collect();
    unit.commit().await.unwrap();
    let mut added: Vec<_> = late.join_all().await.into_iter().flatten().collect();
    added.sort();
    taken.sort();
    assert_eq!(added, taken);
}

pub async fn a_task_keeps_its_place_and_an_older_one_never_replaces_a_newer(database: Database) {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    let (old, new) = (unit.arrivals().place("old").await.unwrap(), unit.arrivals().place("new").await.unwrap());
    assert!(old < new);
    assert_eq!(unit.arrivals().place("old").await.unwrap(), old, "it was delivered again");
    let effects = unit.effects();
    assert!(effects.advance("q_7", old, "old").await.unwrap());
    assert!(effects.advance("q_7", new, "new").await.unwrap());
    assert!(!effects.advance("q_7", old, "old").await.unwrap(), "the edited question must stay");
    assert!(effects.advance("q_7", new, "new").await.unwrap(), "a half-done effect must be made whole");
    assert!(effects.advance("q_8", old, "old").await.unwrap());
    unit.commit().await.unwrap();
}

fn reply(id: &str, number: usize) -> Letter {
    Letter::Reply { to: message(id), outcome: Outcome::Success(json!(number)) }
}

/// Publishes round by round; what came in which round.
async fn published(store: &Store, worker: &WorkerId) -> Vec<Vec<Letter>> {
    let mut rounds = Vec::new();
    loop {
        let unit = store.write().await.unwrap();
        let due = unit.outbox().due(worker, 1000).await.unwrap();
        unit.outbox().remove(&due.iter().map(|posted| posted.id).collect::<Vec<_>>()).await.unwrap();
        unit.commit().await.unwrap();
        if due.is_empty() {
            return rounds;
        }
        rounds.push(due.into_iter().map(|posted| posted.letter).collect());
    }
}

pub async fn letters_of_one_task_leave_in_order(database: Database) {
    let (store, one, two) = (database.store().await, WorkerId::new(), WorkerId::new());
    let unit = store.write().await.unwrap();
    let by = Relayed::By(&one);
    unit.outbox().post(&[(by, reply("a", 1)), (by, reply("b", 1)), (by, reply("a", 2))]).await.unwrap();
    unit.outbox().post(&[(Relayed::By(&two), reply("b", 2)), (by, Letter::Task { message: message("c") })]).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(published(&store, &two).await, Vec::<Vec<Letter>>::new(), "b's second letter must wait for the other relay");
    let rounds = [vec![reply("a", 1), reply("b", 1), Letter::Task { message: message("c") }], vec![reply("a", 2)]];
    assert_eq!(published(&store, &one).await, rounds);
    assert_eq!(published(&store, &two).await, [vec![reply("b", 2)]]);
}

pub async fn letters_of_a_worker_that_is_gone_are_adopted(database: Database) {
    let (store, one, two) = (database.store().await, WorkerId::new(), WorkerId::new());
    let unit = store.write().await.unwrap();
    for id in [&one, &two] {
        unit.worker_sessions().start(id, "test", RHYTHM).await.unwrap();
    }
    let letters = [(Relayed::By(&one), reply("a", 1)), (Relayed::ByAny, reply("b", 1)), (Relayed::By(&two), reply("c", 1))];
    unit.outbox().post(&letters).await.unwrap();
    assert_eq!(unit.outbox().adopt(&two).await.unwrap(), 1, "what is addressed to nobody");
    unit.worker_sessions().end(&one).await.unwrap();
    assert_eq!(unit.outbox().adopt(&two).await.unwrap(), 1, "what the gone one left");
    unit.commit().await.unwrap();
    assert_eq!(published(&store, &two).await, [vec![reply("a", 1), reply("b", 1), reply("c", 1)]]);
}

pub async fn a_thousand_letters_fit(database: Database) {
    let (store, one) = (database.store().await, WorkerId::new());
    let unit = store.write().await.unwrap();
    let letters: Vec<_> = (0..1234).map(|number| (Relayed::By(&one), reply(&format!("t{number}"), number))).collect();
    unit.outbox().post(&letters).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(published(&store, &one).await.concat().len(), 1234);
}

pub async fn a_task_that_arrives_takes_what_nobody_has_or_had(database: Database) {
    let store = database.store().await;
    let (one, other) = (worker(&store).await, worker(&store).await);
    let arrive = async |worker: &WorkerId, task: &str| {
        let unit = store.write().await.unwrap();
        let arrived = unit.claims().arrive(&computation(), worker, task).await.unwrap();
        unit.commit().await.unwrap();
        arrived
    };
    let (first, claim) = arrive(&one, "a").await;
    let claim = claim.expect("nobody was at it");
    assert_eq!((claim.epoch, claim.attempts, &claim.worker), (1, 1, &one));
    let (second, held) = arrive(&other, "b").await;
    assert!(second > first && held.is_none(), "it runs");
    assert_eq!(arrive(&other, "a").await, (first, None), "it was delivered again, and keeps its place");

    assert!(end(&store, &claim, End::Failed).await);
    let (_, again) = arrive(&other, "b").await;
    let again = again.expect("it is open");
    assert_eq!((again.epoch, again.attempts), (2, 2));
    assert!(!end(&store, &claim, End::Settled).await);
    assert!(end(&store, &again, End::Settled).await);
    assert_eq!(arrive(&one, "c").await.1, None, "it is settled: there may be a result");
}

pub async fn of_fifty_that_arrive_at_once_one_has_the_claim(database: Database) {
    let store = database.store().await;
    let mut arriving = JoinSet::new();
    for number in 0..50 {
        let store = store.clone();
        arriving.spawn(async move {
            let unit = store.write().await.unwrap();
            let arrived = unit.claims().arrive(&computation(), &WorkerId::new(), &format!("t{number}")).await.unwrap();
            unit.commit().await.unwrap();
            arrived
        });
    }
    let (places, claims): (BTreeSet<_>, Vec<_>) = arriving.join_all().await.into_iter().unzip();
    assert_eq!((places.len(), claims.into_iter().flatten().count()), (50, 1));
}

pub async fn whoever_settles_alone_changes_its_target_at_once(database: Database) {
    let store = database.store().await;
    let one = worker(&store).await;
    let settle = async |target: &str, seen: i64| {
        let unit = store.write().await.unwrap();
        let settled = unit.waiters().take_all_or_advance(&computation(), (target, seen, "task")).await.unwrap();
        unit.commit().await.unwrap();
        settled
    };
    assert_eq!(settle("q_1", 5).await, (vec![], true));
    assert_eq!(settle("q_1", 4).await, (vec![], false), "an older task");
    assert_eq!(settle("q_1", 5).await, (vec![], true), "the same, cut off before");

    let claim = ours(&store, &one).await;
    let waiters = ["a", "b"].map(|id| waiter(&one, id));
    let unit = store.write().await.unwrap();
    for waiter in &waiters {
        assert!(unit.waiters().add(&computation(), waiter).await.unwrap());
    }
    unit.commit().await.unwrap();
    assert_eq!(settle("q_1", 9).await, (waiters.to_vec(), false), "the newest of all is looked for first");
    let unit = store.write().await.unwrap();
    assert!(unit.effects().advance("q_1", 6, "another").await.unwrap(), "the target was left alone");
    unit.rollback().await.unwrap();
    assert!(end(&store, &claim, End::Settled).await);
}
