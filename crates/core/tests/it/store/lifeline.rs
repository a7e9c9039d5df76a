//! A worker's lock is held as long as its process runs, and its signs of life carry what the others need.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use viva_core::claim::WorkerId;
use viva_core::liveness::{Lock, Rhythm, Sign, Verdict, Why};
use viva_core::store::{Lookout, Pulse, Store, Vitals};
use viva_testkit::eventually;

use super::Database;
use super::claims::RHYTHM;

const PATIENCE: Duration = Duration::from_secs(10);

async fn join(store: &Store) -> (WorkerId, Pulse, Lookout) {
    let id = WorkerId::new();
    let pulse = store.pulse(&id, RHYTHM).await.unwrap();
    pulse.start("test").await.unwrap();
    let lookout = store.lookout(&id, RHYTHM).await.unwrap();
    (id, pulse, lookout)
}

async fn others(lookout: &Lookout) -> Vec<Sign> {
    lookout.look().await.unwrap().others
}

pub async fn a_lock_is_held_until_its_process_ends(database: Database) {
    let store = database.store().await;
    let (watched, pulse, _lookout) = join(&store).await;
    let (_, own, lookout) = join(&store).await;
    let sign = |beat, lock| Sign { id: watched.clone(), beat, rhythm: RHYTHM, lock };
    assert_eq!(others(&lookout).await, [sign(0, Lock::Held)]);
    for beat in 1..=3 {
        assert!(pulse.beat(&Vitals::default()).await.unwrap().lives);
        assert_eq!(others(&lookout).await, [sign(beat, Lock::Held)]);
    }
    // As when its process is killed: nothing is said, and the connection ends.
    drop(pulse);
    let mut seen = others(&lookout).await;
    while seen[0].lock == Lock::Held {
        seen = others(&lookout).await;
    }
    assert_eq!(seen, [sign(3, Lock::Free)]);
    let verdict = Verdict { id: watched, beat: 2, why: Why::Died, after: Duration::ZERO };
    assert!(!lookout.declare_gone(&verdict).await.unwrap(), "its counter has moved since");
    assert!(lookout.declare_gone(&Verdict { beat: 3, ..verdict }).await.unwrap());
    assert_eq!(others(&lookout).await, []);
    assert!(own.beat(&Vitals::default()).await.unwrap().lives);
}

pub async fn a_worker_that_leaves_is_gone_at_once(database: Database) {
    let store = database.store().await;
    let (_, pulse, _lookout) = join(&store).await;
    let (_, _own, lookout) = join(&store).await;
    pulse.end().await.unwrap();
    assert_eq!(others(&lookout).await, []);
    assert!(!pulse.beat(&Vitals::default()).await.unwrap().lives);
}

pub async fn a_sign_of_life_tells_people_how_it_is(database: Database) {
    let store = database.store().await;
    let (id, pulse, _lookout) = join(&store).await;
    let vitals = Vitals { clock_ahead_ms: Some(-33_000), mail_lag_ms: 1200, ready: true };
    pulse.beat(&vitals).await.unwrap();
    let unit = store.read().await.unwrap();
    let all = unit.worker_sessions().all().await.unwrap();
    unit.rollback().await.unwrap();
    assert_eq!(all.len(), 1);
    let session = &all[0];
    assert_eq!((&session.id, &session.name[..], session.live, session.beat), (&id, "test", true, 1));
    assert_eq!((session.rhythm, session.vitals, session.claims), (RHYTHM, vitals, 0));
    assert!((0..60_000).contains(&session.silent_ms), "{}", session.silent_ms);
}

/// F24: a worker of the version before, which knows neither locks nor rhythms, goes on in the new schema.
pub async fn a_worker_of_the_version_before_is_judged_by_its_counter(database: Database) {
    let store = database.store().await;
    let raw = database.raw().await;
    raw.execute_unprepared("INSERT INTO worker_sessions (id, name, state, beat) VALUES ('old', 'test', 'live', 0)").await.unwrap();
    let (_, _own, lookout) = join(&store).await;
    raw.execute_unprepared("UPDATE worker_sessions SET beat = beat + 1 WHERE id = 'old' AND state = 'live'").await.unwrap();
    let rhythm = Rhythm { beat: Duration::from_secs(2), ttl: Duration::from_secs(20) };
    let old = Sign { id: WorkerId::from("old".to_owned()), beat: 1, rhythm, lock: Lock::None };
    assert_eq!(others(&lookout).await, [old]);
}

/// The server ends a connection: the next sign of life is given over another one, which takes the lock again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_that_is_lost_with_its_connection_is_taken_again() {
    let database = Database::postgres();
    let store = database.store().await;
    let (_, pulse, _lookout) = join(&store).await;
    let (_, _own, lookout) = join(&store).await;
    let raw = database.raw().await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid::bigint = hashtext('{id}')::bigint & 4294967295";
    let id = others(&lookout).await[0].id.clone();
    raw.execute_unprepared(&end.replace("{id}", id.as_str())).await.unwrap();
    // One may fail: it finds out.
    drop(pulse.beat(&Vitals::default()).await);
    assert!(pulse.beat(&Vitals::default()).await.unwrap().lives);
    assert_eq!(others(&lookout).await[0].lock, Lock::Held);
}

/// A file that somebody looks at is not taken for one that its owner holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_file_goes_with_its_worker() {
    let database = Database::sqlite();
    let store = database.store().await;
    let folder = database.file().with_file_name("viva.db-workers");
    let (_, pulse, _lookout) = join(&store).await;
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    drop(pulse);
    eventually("the file is removed", PATIENCE, || std::fs::read_dir(&folder).unwrap().count() == 0);
}
