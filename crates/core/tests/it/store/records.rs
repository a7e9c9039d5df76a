//! What is stored comes back, and what is asked for wrongly is named.

use sea_orm::ConnectionTrait as _;
use serde_json::json;
use viva_core::evaluation::Status;
use viva_core::store::{Interview, Question, Transcript};
use viva_core::{Classified as _, ErrorClass};

use super::Database;
use super::fixture::{evaluation, has_interview, interview, question, report, transcript};

pub async fn what_is_stored_comes_back(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    session.interviews().put(&interview(153)).await.unwrap();
    session.questions().put(&question(7)).await.unwrap();
    session.transcripts().put(&transcript(9, 7)).await.unwrap();
    session.commit().await.unwrap();

    let session = store.write().await.unwrap();
    assert_eq!(session.interviews().get(153).await.unwrap(), interview(153));
    assert_eq!(session.questions().get(7).await.unwrap(), question(7));
    assert_eq!(session.transcripts().get(9).await.unwrap(), transcript(9, 7));
    let changed = (
        Interview { status: "LIVE".to_owned(), ..interview(153) },
        Question { content: "다시?".to_owned(), question_type: None, ..question(7) },
        Transcript { rubric_score: Some(json!({"평가영역": "기술"})), ..transcript(9, 8) },
    );
    session.interviews().put(&changed.0).await.unwrap();
    session.questions().put(&changed.1).await.unwrap();
    session.transcripts().put(&changed.2).await.unwrap();
    session.interviews().set_overall_score(153, Some(61.5)).await.unwrap();
    assert_eq!(session.interviews().get(153).await.unwrap(), Interview { overall_score: Some(61.5), ..changed.0 });
    assert_eq!(session.questions().get(7).await.unwrap(), changed.1);
    assert_eq!(session.transcripts().get(9).await.unwrap(), changed.2);
}

pub async fn answers_come_in_the_interviews_order_with_their_questions(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    session.questions().put(&question(7)).await.unwrap();
    let second = Transcript { order: Some(2), ..transcript(1, 7) };
    let first = Transcript { order: Some(1), ..transcript(2, 404) };
    let spoken_by_us = Transcript { speaker: "AI".to_owned(), ..transcript(3, 7) };
    let elsewhere = Transcript { interview_id: 154, ..transcript(4, 7) };
    for said in [&second, &first, &spoken_by_us, &elsewhere] {
        session.transcripts().put(said).await.unwrap();
    }
    let answers = session.transcripts().answers(153).await.unwrap();
    let told: Vec<_> = answers.iter().map(|answer| (&answer.transcript, answer.question.clone())).collect();
    assert_eq!(told, [(&first, None), (&second, Some(question(7)))]);
    assert_eq!(session.transcripts().answers(999).await.unwrap(), []);
}

pub async fn a_score_lands_on_its_transcript_only(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    for id in [1, 2] {
        session.transcripts().put(&transcript(id, 7)).await.unwrap();
    }
    let parts = json!({"세부항목점수": {"논리": 7}});
    session.transcripts().set_score(1, Some(70.0), Some(parts.clone())).await.unwrap();
    let scored = Transcript { total_score: Some(70.0), rubric_score: Some(parts), ..transcript(1, 7) };
    assert_eq!(session.transcripts().get(1).await.unwrap(), scored);
    assert_eq!(session.transcripts().get(2).await.unwrap(), transcript(2, 7));
    session.transcripts().set_score(1, None, None).await.unwrap();
    assert_eq!(session.transcripts().get(1).await.unwrap(), transcript(1, 7));
}

pub async fn the_newest_evaluation_of_each_answer_counts(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    let stored = [
        evaluation(1, "a", Status::Failed),
        evaluation(2, "b", Status::Scored),
        evaluation(1, "a", Status::Scored),
        evaluation(2, "b2", Status::InsufficientEvidence),
    ];
    for one in &stored {
        session.evaluations().record(one).await.unwrap();
    }
    let newest = session.evaluations().newest(153).await.unwrap();
    assert_eq!(newest.iter().map(|found| &found.evaluation_id).collect::<Vec<_>>(), [&stored[2].evaluation_id, &stored[3].evaluation_id]);
    let superseded: Vec<_> = newest.iter().map(|found| found.supersedes.as_ref().unwrap()).collect();
    assert_eq!(superseded, [&stored[0].evaluation_id, &stored[1].evaluation_id]);
    assert_eq!(session.evaluations().newest(154).await.unwrap(), []);
}

pub async fn an_evaluation_comes_back_as_the_same_bytes(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    let before = evaluation(1, "a", Status::Scored);
    session.evaluations().record(&before).await.unwrap();
    let after = session.evaluations().find_computed("a").await.unwrap().unwrap();
    assert_eq!(serde_json::to_string(&after).unwrap(), serde_json::to_string(&before).unwrap());
}

pub async fn a_report_keeps_its_row_and_its_first_date(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    assert_eq!(session.evaluation_reports().find(153).await.unwrap(), None);
    session.evaluation_reports().put(&report(153, 50.0)).await.unwrap();
    let first = session.evaluation_reports().find(153).await.unwrap().unwrap();
    session.commit().await.unwrap();
    let raw = database.raw().await;
    raw.execute_unprepared("UPDATE evaluation_reports SET created_at = '2026-03-01 12:00:00', updated_at = NULL").await.unwrap();

    let session = store.write().await.unwrap();
    session.evaluation_reports().put(&report(153, 80.0)).await.unwrap();
    let second = session.evaluation_reports().find(153).await.unwrap().unwrap();
    session.commit().await.unwrap();
    assert_eq!((second.id, second.technical_score), (first.id, Some(80.0)));
    let dated = "SELECT id FROM evaluation_reports WHERE created_at = '2026-03-01 12:00:00' AND updated_at IS NOT NULL";
    let statement = sea_orm::Statement::from_string(raw.get_database_backend(), dated);
    assert!(raw.query_one_raw(statement).await.unwrap().is_some());
}

pub async fn an_unknown_id_is_named(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    let errors = [
        session.interviews().get(99).await.unwrap_err(),
        session.interviews().set_overall_score(99, None).await.unwrap_err(),
        session.questions().get(99).await.unwrap_err(),
        session.transcripts().get(99).await.unwrap_err(),
        session.transcripts().set_score(99, None, None).await.unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().starts_with("there is no row 99 in "), "{error}");
        assert_eq!(error.class(), ErrorClass::Permanent);
    }
}

pub async fn a_damaged_record_is_named(database: Database) {
    let store = database.store().await;
    let session = store.write().await.unwrap();
    let stored = evaluation(1, "a", Status::Scored);
    session.evaluations().record(&stored).await.unwrap();
    session.commit().await.unwrap();
    database.raw().await.execute_unprepared("UPDATE evaluations SET record = '{\"half'").await.unwrap();
    let error = store.read().await.unwrap().evaluations().newest(153).await.unwrap_err();
    assert!(error.to_string().contains(&stored.evaluation_id), "{error}");
    assert_eq!(error.class(), ErrorClass::Permanent);
}

pub async fn a_reading_session_sees_one_state(database: Database) {
    let store = database.store().await;
    let reading = store.read().await.unwrap();
    assert!(reading.interviews().get(1).await.is_err());
    let writing = store.write().await.unwrap();
    writing.interviews().put(&interview(1)).await.unwrap();
    writing.commit().await.unwrap();
    assert!(reading.interviews().get(1).await.is_err(), "a committed write showed inside an older session");
    drop(reading);
    assert!(has_interview(&store, 1).await);
}
