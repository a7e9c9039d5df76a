//! News are numbered in the order in which they become visible, whoever tells them.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use viva_core::Digest;
use viva_core::evaluation::Status;
use viva_core::store::{Store, Topic};

use super::Database;
use super::fixture::{clip, evaluation, interview, question, report, transcript};

const TOPIC: Topic = Topic::Interview(153);

async fn tell(store: &Store, topic: Topic, kind: &'static str) {
    let unit = store.write().await.unwrap();
    unit.tell(topic, kind, json!({}));
    unit.commit().await.unwrap();
}

/// Kinds and numbers of a topic.
async fn told(store: &Store, topic: &Topic) -> Vec<(i64, String)> {
    let unit = store.read().await.unwrap();
    let told = unit.events().after(topic, 0, 10_000).await.unwrap();
    unit.rollback().await.unwrap();
    told.into_iter().map(|event| (event.seq, event.kind)).collect()
}

pub async fn a_reader_that_follows_many_writers_sees_every_number_in_turn(database: Database) {
    let store = database.store().await;
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let store = store.clone();
        writers.spawn(async move {
            for n in 0..25 {
                let unit = store.write().await.unwrap();
                // Two topics, told in either order: nobody waits for each other in a circle.
                let topics = if (writer + n) % 2 == 0 { [TOPIC, Topic::Question(1)] } else { [Topic::Question(1), TOPIC] };
                for topic in topics {
                    unit.tell(topic, "told", json!({ "writer": writer }));
                }
                tokio::time::sleep(Duration::from_millis(n % 3)).await;
                unit.commit().await.unwrap();
            }
        });
    }
    let mut seen = Vec::new();
    while seen.len() < 200 {
        let unit = store.read().await.unwrap();
        let last = seen.last().copied().unwrap_or(0);
        let more = unit.events().after(&TOPIC, last, 1000).await.unwrap();
        let head = unit.events().head(&TOPIC).await.unwrap();
        unit.rollback().await.unwrap();
        seen.extend(more.iter().map(|event| event.seq));
        assert_eq!(head, seen.last().copied().unwrap_or(0), "what is numbered is there");
    }
    assert_eq!(seen, (1..=200).collect::<Vec<i64>>());
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
}

pub async fn what_is_not_committed_is_not_told(database: Database) {
    let store = database.store().await;
    tell(&store, TOPIC, "first").await;
    let unit = store.write().await.unwrap();
    unit.tell(TOPIC, "never", json!({}));
    unit.rollback().await.unwrap();
    tell(&store, TOPIC, "second").await;
    assert_eq!(told(&store, &TOPIC).await, [(1, "first".to_owned()), (2, "second".to_owned())]);
    let unit = store.read().await.unwrap();
    let heads = unit.events().heads(&[TOPIC.to_string(), "interview/9".to_owned()]).await.unwrap();
    assert_eq!(heads, [(TOPIC.to_string(), 2)].into());
    unit.rollback().await.unwrap();
}

pub async fn what_is_stored_about_an_interview_is_told(database: Database) {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    unit.interviews().put(&interview(153)).await.unwrap();
    unit.questions().put(&question(4)).await.unwrap();
    unit.transcripts().put(&transcript(7, 4)).await.unwrap();
    assert!(unit.report_plans().begin(&Digest::of(b"plan"), 153, &[7]).await.unwrap());
    let stored = unit.evaluations().record(&evaluation(7, "a", Status::Scored)).await.unwrap();
    // The same again is no news.
    unit.evaluations().record(&evaluation(7, "a", Status::Scored)).await.unwrap();
    unit.reviews().record(&stored.evaluation_id, "kim", Some(3), "why").await.unwrap();
    let sound = clip("x", b"sound");
    unit.tell_of_question(4, "speech.ready", json!({ "digest": sound.digest.as_str() })).await.unwrap();
    unit.evaluation_reports().put(&report(153, 50.0)).await.unwrap();
    unit.transcripts().ask(153, 4, "다음 질문?").await.unwrap();
    unit.commit().await.unwrap();
    let kinds: Vec<String> = told(&store, &TOPIC).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["report.planned", "answer.evaluated", "evaluation.reviewed", "speech.ready", "report.ready", "question.asked"]);
    let unit = store.read().await.unwrap();
    let newest = unit.events().newest_of("speech.ready", &[Topic::Question(4), Topic::Question(5)]).await.unwrap();
    assert_eq!(newest.keys().collect::<Vec<_>>(), ["question/4"]);
    assert_eq!(unit.events().last(&TOPIC, "report.").await.unwrap().unwrap().kind, "report.ready");
    unit.rollback().await.unwrap();
    store.erase_interview(153).await.unwrap();
    let left: Vec<String> = told(&store, &TOPIC).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(left, ["interview.erased"], "scores are somebody's, too");
}

pub async fn how_long_jobs_took_is_measured_by_one_clock(database: Database) {
    let store = database.store().await;
    for id in 1..=3 {
        tell(&store, Topic::Interview(id), "report.requested").await;
    }
    tokio::time::sleep(Duration::from_millis(120)).await;
    for id in [1, 2] {
        tell(&store, Topic::Interview(id), "report.ready").await;
    }
    tell(&store, Topic::Interview(9), "report.ready").await;
    let unit = store.read().await.unwrap();
    let took = unit.events().took("report.requested", "report.ready", 20).await.unwrap();
    unit.rollback().await.unwrap();
    assert_eq!(took.len(), 2, "one that nobody asked for has no beginning: {took:?}");
    assert!(took.iter().all(|took| (Duration::from_millis(100)..Duration::from_secs(20)).contains(took)), "{took:?}");
}

pub async fn a_webhook_is_one_readers_until_it_is_delivered(database: Database) {
    let store = database.store().await;
    for _ in 0..40 {
        tell(&store, TOPIC, "told").await;
    }
    tell(&store, Topic::Job("j".to_owned()), "job.succeeded").await;
    let mut readers = JoinSet::new();
    for _ in 0..6 {
        let store = store.clone();
        readers.spawn(async move {
            let unit = store.write().await.unwrap();
            let due = unit.events().take_hooks(10).await.unwrap();
            unit.commit().await.unwrap();
            due
        });
    }
    let mut taken = Vec::new();
    while let Some(due) = readers.join_next().await {
        taken.extend(due.unwrap());
    }
    let mut ids: Vec<i64> = taken.iter().map(|hook| hook.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), taken.len()), (taken.len(), taken.len()), "nobody's is somebody else's as well");
    assert!(taken.iter().all(|hook| hook.attempt == 1 && hook.topic == "interview/153"));
    let unit = store.write().await.unwrap();
    unit.events().hook_over(taken[0].id).await.unwrap();
    unit.events().hook_again(taken[1].id, Duration::ZERO).await.unwrap();
    unit.commit().await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    let unit = store.write().await.unwrap();
    let again = unit.events().take_hooks(100).await.unwrap();
    unit.commit().await.unwrap();
    assert!(again.iter().all(|hook| hook.id != taken[0].id));
    assert!(again.iter().any(|hook| hook.id == taken[1].id && hook.attempt == 2));
}

pub async fn a_request_keeps_its_name(database: Database) {
    let store = database.store().await;
    let (this, other) = (Digest::of(b"this"), Digest::of(b"other"));
    for (owner, name, what, agrees) in
        [("a", "n", &this, true), ("a", "n", &this, true), ("a", "n", &other, false), ("b", "n", &other, true), ("a", "m", &other, true)]
    {
        let unit = store.write().await.unwrap();
        assert_eq!(unit.idempotency_keys().note(owner, name, what).await.unwrap(), agrees, "{owner} {name}");
        unit.commit().await.unwrap();
    }
}
