//! Workers that ask a Redis for claims, which dies when it matters.

use std::time::Duration;

use viva_core::Outcome;
use viva_testkit::{Redis, poll};

use crate::crew::{Member, Stage, speak};

const LONG: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(30);

/// How many claims have a key, and the longest time that one is left.
fn keys(redis: &Redis) -> (usize, Duration) {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("viva:claim:*").query(&mut connection).unwrap();
    let left = keys.iter().map(|key| redis::cmd("PTTL").arg(key).query::<i64>(&mut connection).unwrap()).max();
    (keys.len(), Duration::from_millis(left.unwrap_or_default().max(0) as u64))
}

async fn ask_in_turn(workers: [&Member; 2], times: usize) -> Vec<tokio::sync::oneshot::Receiver<Outcome>> {
    let mut outcomes = Vec::new();
    for number in 0..times {
        outcomes.push(workers[number % 2].send(speak("네.", number as i32)).await);
    }
    outcomes
}

async fn succeeds(outcomes: Vec<tokio::sync::oneshot::Receiver<Outcome>>) {
    for outcome in outcomes {
        let outcome = outcome.await.unwrap();
        assert!(matches!(outcome, Outcome::Success(_)), "{outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_callers_one_computes_and_its_key_is_gone_afterwards() {
    let stage = Stage::new("redis", |_, _| Ok(LONG)).await;
    let redis = stage.redis.as_ref().unwrap();
    let (one, two) = (stage.worker().await, stage.worker().await);
    let outcomes = ask_in_turn([&one, &two], 100).await;
    assert!(poll(SOON, || (keys(redis).0 == 1).then_some(())).is_some());
    succeeds(outcomes).await;
    assert_eq!(stage.ran(), 1);
    assert!(poll(SOON, || (keys(redis).0 == 0).then_some(())).is_some());
    one.leave().await;
    two.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_renewed_while_its_worker_lives() {
    let stage = Stage::new("redis", |_, _| Ok(LONG)).await;
    let redis = stage.redis.as_ref().unwrap();
    let worker = stage.worker().await;
    let outcome = worker.send(speak("네.", 1)).await;
    assert!(poll(SOON, || (keys(redis).0 == 1).then_some(())).is_some());
    // It can rise only by a renewal.
    let mut last = keys(redis).1;
    let rose = poll(SOON, || {
        let left = keys(redis).1;
        (std::mem::replace(&mut last, left) < left).then_some(())
    });
    assert!(rose.is_some());
    succeeds(vec![outcome]).await;
    worker.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_redis_that_dies_while_all_ask_changes_nothing() {
    let stage = Stage::new("redis", |_, _| Ok(LONG)).await;
    let redis = stage.redis.as_ref().unwrap();
    let (one, two) = (stage.worker().await, stage.worker().await);
    let mut outcomes = ask_in_turn([&one, &two], 20).await;
    redis.kill();
    outcomes.extend(ask_in_turn([&one, &two], 20).await);
    redis.start_again();
    outcomes.extend(ask_in_turn([&one, &two], 20).await);
    succeeds(outcomes).await;
    assert_eq!(stage.ran(), 1);
    one.leave().await;
    two.leave().await;
}
