//! A unit of work is all or nothing, however it ends.

use std::future::{Future as _, pending};
use std::pin::pin;
use std::task::{Context, Waker};

use tokio::sync::oneshot;
use viva_core::store::{Error, Store};

use super::Database;
use super::fixture::{has_interview, interview, question};

/// More than the pool has connections: a leak of one each time would be seen.
const ROUNDS: i32 = 20;

pub async fn a_session_that_is_not_committed_leaves_nothing(database: Database) {
    let store = database.store().await;
    for id in 0..ROUNDS {
        let refused = async {
            let session = store.write().await?;
            session.interviews().put(&interview(id)).await?;
            session.questions().get(4711).await?;
            session.commit().await
        };
        assert!(matches!(refused.await, Err(Error::NotFound { table: "questions", id: 4711 })));
        assert!(!has_interview(&store, id).await);
    }
}

pub async fn a_rolled_back_session_is_over_when_it_says_so(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    session.interviews().put(&interview(1)).await.unwrap();
    session.rollback().await.unwrap();
    assert!(!has_interview(&store, 1).await);
}

pub async fn a_unit_of_work_cancelled_at_any_step_leaves_nothing(database: Database) {
    let store = database.store().await;
    for round in 0..ROUNDS {
        let (reached, step) = oneshot::channel();
        let unit = tokio::spawn(stop_before_commit(store.clone(), round, reached));
        step.await.unwrap();
        unit.abort();
        assert!(unit.await.unwrap_err().is_cancelled());
        assert!(!has_interview(&store, round).await);
        finishes(&store, 1000 + round).await;
    }
}

/// Begins a unit of work, does `round % 3` of its steps, tells, and waits for its end.
async fn stop_before_commit(store: Store, round: i32, reached: oneshot::Sender<()>) {
    let session = store.write().await.unwrap();
    if round % 3 > 0 {
        session.interviews().put(&interview(round)).await.unwrap();
    }
    if round % 3 > 1 {
        session.questions().put(&question(round)).await.unwrap();
    }
    reached.send(()).unwrap();
    pending::<()>().await;
    session.commit().await.unwrap();
}

pub async fn a_unit_of_work_cancelled_at_any_poll_is_whole_or_absent(database: Database) {
    let store = database.store().await;
    let mut cut_off = 0;
    for polls in 0..60 {
        {
            let mut unit = pin!(async {
                let session = store.write().await?;
                session.interviews().put(&interview(polls)).await?;
                session.questions().put(&question(polls)).await?;
                session.commit().await
            });
            // Polled by hand and let go after so many times: in the middle of BEGIN, of a statement, of COMMIT.
            let mut context = Context::from_waker(Waker::noop());
            let ended = (0..polls * 3).any(|_| {
                std::thread::yield_now();
                unit.as_mut().poll(&mut context).is_ready()
            });
            cut_off += i32::from(!ended);
        }
        let session = store.read().await.unwrap();
        let whole = [session.interviews().get(polls).await.is_ok(), session.questions().get(polls).await.is_ok()];
        assert!(whole[0] == whole[1], "half a unit of work after {polls} polls");
    }
    assert!(cut_off > 0, "no unit of work was cut off");
    finishes(&store, 1000).await;
}

pub async fn a_panic_inside_a_unit_of_work_leaves_nothing(database: Database) {
    let store = database.store().await;
    for id in 0..ROUNDS {
        let worker = store.clone();
        let unit = tokio::spawn(async move {
            let session = worker.write().await.unwrap();
            session.interviews().put(&interview(id)).await.unwrap();
            panic!("a bug in the middle");
        });
        assert!(unit.await.unwrap_err().is_panic());
        assert!(!has_interview(&store, id).await);
    }
    finishes(&store, 1000).await;
}

/// The pool still works: another unit of work is committed and seen.
async fn finishes(store: &Store, id: i32) {
    let session = store.write().await.unwrap();
    session.interviews().put(&interview(id)).await.unwrap();
    session.commit().await.unwrap();
    assert!(has_interview(store, id).await);
}
