//! A Redis in front of the database's claims: quicker while it is there, missed by nobody while it is not.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::{Client, Commands as _, Connection};
use viva_core::claim::{Claim, End, Taken, WorkerId};
use viva_core::clock::{Clock as _, SystemClock};
use viva_core::store::Store;
use viva_testkit::Redis;

use super::claims::{computation, end, ours, rescue_from, take, worker};
use super::{CLAIMS_TTL, Database};

const SOON: Duration = Duration::from_secs(30);

fn server(database: &Database) -> &Redis {
    database.redis.as_ref().unwrap()
}

fn look(redis: &Redis) -> Connection {
    Client::open(redis.url()).unwrap().get_connection().unwrap()
}

fn key() -> String {
    format!("viva:claim:{}", computation())
}

/// What stands at the claim's key.
fn held(redis: &Redis) -> Option<(String, i64)> {
    let fields: BTreeMap<String, String> = look(redis).hgetall(key()).unwrap();
    Some((fields.get("worker")?.clone(), fields["epoch"].parse().unwrap()))
}

/// Takes the claim until its key stands, too: on a busy machine Redis may miss its time, and rests then.
async fn ours_on(redis: &Redis, store: &Store, worker: &WorkerId) -> Claim {
    let began = SystemClock.monotonic();
    loop {
        let claim = ours(store, worker).await;
        if held(redis) == Some((worker.to_string(), claim.epoch)) {
            return claim;
        }
        assert!(SystemClock.monotonic().since(began) < SOON, "Redis is not used: {:?} for {claim:?}", held(redis));
        assert!(end(store, &claim, End::HandedBack).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn a_key_stands_while_its_claim_is_held_and_no_longer(database: Database) {
    let (store, redis) = (database.store().await, server(&database));
    let one = worker(&store).await;
    for how in [End::HandedBack, End::Failed, End::Settled, End::Settled] {
        let claim = ours_on(redis, &store, &one).await;
        assert_eq!(take(&store, &one).await, Taken::Held);
        assert!(end(&store, &claim, how).await);
        viva_testkit::eventually("the key is gone", SOON, || held(redis).is_none());
    }
}

pub async fn a_key_outlives_its_time_only_if_it_is_renewed(database: Database) {
    let (store, redis) = (database.store().await, server(&database));
    let (one, other) = (worker(&store).await, worker(&store).await);
    ours_on(redis, &store, &one).await;
    let shorten = || look(redis).pexpire::<_, bool>(key(), 60_000).unwrap();
    let left = || look(redis).pttl::<_, i64>(key()).unwrap();
    assert!(left() > 60_000);
    assert!(shorten());
    store.renew_claims(&other).await;
    assert!(left() <= 60_000, "somebody else renewed it");
    store.renew_claims(&one).await;
    assert!(left() > 60_000 && left() <= CLAIMS_TTL.as_millis() as i64);
    // Of a later holder, by a worker that does not know yet that it lost the claim.
    look(redis).hset::<_, _, _, ()>(key(), "epoch", 99).unwrap();
    assert!(shorten());
    store.renew_claims(&one).await;
    assert!(left() <= 60_000, "another claim's key was renewed");
}

/// Its worker has died, or it was left behind by one that stopped half-way.
pub async fn a_key_that_nobody_holds_stops_nobody(database: Database) {
    let (store, redis) = (database.store().await, server(&database));
    let (gone, next) = (worker(&store).await, worker(&store).await);
    let () = look(redis).hset_multiple(key(), &[("worker", "nobody"), ("epoch", "1")]).unwrap();
    let lost = ours(&store, &gone).await;
    assert_eq!(rescue_from(&store, &gone, &next).await, [computation()]);
    assert!(held(redis).is_some(), "the key is as the gone one left it");
    let claim = ours_on(redis, &store, &next).await;
    assert!(claim.epoch > lost.epoch);
    store.release_claim(&lost).await;
    assert_eq!(held(redis), Some((next.to_string(), claim.epoch)), "who takes over has the key, and who lost it removes nothing");
    assert!(!end(&store, &lost, End::Settled).await);
    assert!(end(&store, &claim, End::Settled).await);
    assert_eq!(held(redis), None);
}

pub async fn a_claim_that_the_database_refuses_leaves_no_key(database: Database) {
    let (store, redis) = (database.store().await, server(&database));
    let (one, other) = (worker(&store).await, worker(&store).await);
    let claim = ours_on(redis, &store, &one).await;
    look(redis).del::<_, ()>(key()).unwrap();
    assert_eq!(take(&store, &other).await, Taken::Held);
    assert_eq!(held(redis), None);
    assert!(end(&store, &claim, End::Settled).await);
}

pub async fn a_redis_that_dies_stops_nobody_and_is_used_again(database: Database) {
    let (store, redis) = (database.store().await, server(&database));
    let (one, other) = (worker(&store).await, worker(&store).await);
    let claim = ours_on(redis, &store, &one).await;
    redis.kill();
    assert_eq!(take(&store, &other).await, Taken::Held);
    store.renew_claims(&one).await;
    assert!(end(&store, &claim, End::Settled).await);
    let claim = ours(&store, &other).await;
    assert!(end(&store, &claim, End::Failed).await);
    redis.start_again();
    let claim = ours_on(redis, &store, &other).await;
    assert!(end(&store, &claim, End::Settled).await);
}

pub async fn a_redis_that_lost_everything_lowers_no_epoch(database: Database) {
    let (store, redis) = (database.store().await, server(&database));
    let (first, second) = (worker(&store).await, worker(&store).await);
    let lost = ours_on(redis, &store, &first).await;
    redis.restart();
    assert_eq!(take(&store, &second).await, Taken::Held, "its key is lost; its claim is not");
    rescue_from(&store, &first, &second).await;
    let claim = ours_on(redis, &store, &second).await;
    assert!(claim.epoch > lost.epoch);
    assert!(!end(&store, &lost, End::Settled).await);
    assert_eq!(held(redis), Some((second.to_string(), claim.epoch)));
    assert!(end(&store, &claim, End::Settled).await);
}

pub async fn a_redis_that_hangs_holds_nobody_up(database: Database) {
    let (store, redis) = (database.store().await, server(&database));
    let one = worker(&store).await;
    ours_on(redis, &store, &one).await;
    redis.stop();
    let began = SystemClock.monotonic();
    for _ in 0..50 {
        assert_eq!(take(&store, &one).await, Taken::Held);
    }
    // One in a second waits a quarter of it.
    assert!(SystemClock.monotonic().since(began) < Duration::from_secs(10), "{:?}", SystemClock.monotonic().since(began));
    redis.cont();
}

/// A store that cannot have what it asks for.
async fn refused(url: &str) -> String {
    let store = Database::sqlite().store().await;
    let error = store.with_claims(Some(url), CLAIMS_TTL).await.expect_err(url);
    viva_core::TaskError::from(error).chain()
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused_without_its_secrets() {
    for url in ["", "localhost:6379", "http://u:secret@db/", "rediss://u:secret@db/0", "redis://u:secret@", "redis://u:secret@db/zero"] {
        let error = refused(url).await;
        assert!(error.contains("CLAIMS_URL=") && error.contains("write redis://"), "{url}: {error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_redis_that_refuses_us_is_told_at_once() {
    let redis = Redis::start();
    let nobodys = redis.url().replace("redis://", "redis://viva:secret@");
    let no_such = redis.url().replace("/0", "/99");
    for url in [nobodys, no_such] {
        let error = refused(&url).await;
        assert!(error.contains("127.0.0.1:") && error.contains("correct CLAIMS_URL"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}

/// It may come back; the database is there.
#[tokio::test]
async fn a_redis_that_is_not_there_yet_stops_no_start() {
    let database = Database::redis_and_sqlite();
    let redis = server(&database);
    redis.kill();
    let store = database.store().await;
    let one = worker(&store).await;
    assert!(end(&store, &ours(&store, &one).await, End::HandedBack).await);
    redis.start_again();
    ours_on(redis, &store, &one).await;
}
