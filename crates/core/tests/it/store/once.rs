//! One computation, one row, however many store it at once.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use viva_core::evaluation::Status;
use viva_core::store::{Error, Store};

use super::Database;
use super::fixture::{clip, count, evaluation, report};

const MANY: i32 = 50;

/// Runs `unit` fifty times at once and collects what each returns.
async fn all_at_once<T, F>(store: &Store, unit: impl Fn(Store, i32) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Error>> + Send + 'static,
{
    let start = Arc::new(Barrier::new(MANY as usize));
    let mut units = JoinSet::new();
    for number in 0..MANY {
        let (start, unit) = (start.clone(), unit(store.clone(), number));
        units.spawn(async move {
            start.wait().await;
            unit.await.unwrap()
        });
    }
    units.join_all().await
}

pub async fn of_fifty_evaluations_at_once_one_stands(database: Database) {
    let store = database.store().await;
    let returned = all_at_once(&store, |store, _| async move {
        let session = store.write().await?;
        let stands = session.evaluations().record(&evaluation(1, "same", Status::Scored)).await?;
        session.commit().await?;
        Ok(stands.evaluation_id)
    });
    let ids: HashSet<String> = returned.await.into_iter().collect();
    assert_eq!((ids.len(), count(&database, "evaluations").await), (1, 1));
}

pub async fn of_fifty_clips_at_once_one_stands(database: Database) {
    let store = database.store().await;
    let returned = all_at_once(&store, |store, number| async move {
        let session = store.write().await?;
        let stands = session.speech_clips().record(&clip("same", &[number as u8])).await?;
        session.commit().await?;
        Ok(stands.digest)
    });
    let digests: HashSet<_> = returned.await.into_iter().collect();
    assert_eq!(digests.len(), 1);
}

pub async fn of_fifty_reports_at_once_one_row_is_left(database: Database) {
    let store = database.store().await;
    all_at_once(&store, |store, number| async move {
        let session = store.write().await?;
        session.evaluation_reports().put(&report(153, number.into())).await?;
        session.commit().await
    })
    .await;
    assert_eq!(count(&database, "evaluation_reports").await, 1);
}

/// A transaction that SQLite begins without a lock fails at its first write when another one wrote since its first read.
pub async fn of_fifty_that_read_before_they_write_none_fails(database: Database) {
    let store = database.store().await;
    let all = all_at_once(&store, |store, number| async move {
        let session = store.write().await?;
        let before = session.evaluation_reports().find(153).await?;
        session.evaluation_reports().put(&report(153, before.map_or(0.0, |_| number.into()))).await?;
        session.commit().await
    });
    assert_eq!(all.await.len(), MANY as usize);
}

pub async fn a_failed_evaluation_blocks_nothing_and_is_kept(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    for _ in 0..2 {
        let failed = evaluation(1, "same", Status::Failed);
        assert_eq!(session.evaluations().record(&failed).await.unwrap().evaluation_id, failed.evaluation_id);
    }
    assert_eq!(session.evaluations().find_computed("same").await.unwrap(), None);
    let scored = evaluation(1, "same", Status::Scored);
    let stands = session.evaluations().record(&scored).await.unwrap();
    assert_eq!(stands.evaluation_id, scored.evaluation_id);
    assert_eq!(session.evaluations().find_computed("same").await.unwrap().as_ref(), Some(&stands));
    let again = evaluation(1, "same", Status::Scored);
    assert_eq!(session.evaluations().record(&again).await.unwrap(), stands);
    session.commit().await.unwrap();
    assert_eq!(count(&database, "evaluations").await, 3);
}

pub async fn the_same_computation_for_another_answer_has_its_own_evaluation(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    for transcript in [1, 2] {
        let own = evaluation(transcript, "same", Status::InsufficientEvidence);
        assert_eq!(session.evaluations().record(&own).await.unwrap(), own);
    }
    assert_eq!(session.evaluations().find_computed("same").await.unwrap().unwrap().transcript_id, Some(1));
    assert_eq!(session.evaluations().find_computed("other").await.unwrap(), None);
}

pub async fn a_lost_clip_is_replaced_once(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    let clips = session.speech_clips();
    let (lost, new, late) = (clip("a", b"lost"), clip("a", b"new"), clip("a", b"late"));
    clips.record(&lost).await.unwrap();
    assert_eq!(clips.replace(&lost.digest, &new).await.unwrap(), new);
    // Somebody else saw the same loss and was slower: the first replacement stands.
    assert_eq!(clips.replace(&lost.digest, &late).await.unwrap(), new);
    assert_eq!(clips.find(&new.computation).await.unwrap(), Some(new));
    let never_stored = clip("b", b"b");
    assert_eq!(clips.replace(&lost.digest, &never_stored).await.unwrap(), never_stored);
}
