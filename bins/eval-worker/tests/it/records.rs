//! What people may do to a score: correct it, and have it forgotten.

use viva_core::evaluation::Status;
use viva_core::{ErrorClass, Task};

use crate::fixture::{Fixture, INTERVIEW, Obedient};

const REPORT: Task = Task::GenerateFinalReport { interview_id: INTERVIEW };

const SAID: &[(&str, &str)] =
    &[("skill", "프록시가 트랜잭션을 열고 끝나면 커밋합니다"), ("growth", "카프카를 혼자 공부해서 팀에 소개했습니다")];

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_total_stands_in_the_next_report_and_both_are_kept() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let before = fixture.report().await;
    assert_eq!(before.overall, Some(100.0));
    let scored = &before.evaluations[0];
    let error = fixture.evaluator.review(&scored.evaluation_id, "kim", Some(101), "너무 높습니다").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Permanent);
    fixture.evaluator.review(&scored.evaluation_id, "kim", Some(40), "답이 틀렸습니다").await.unwrap();

    let after = fixture.report().await;
    // Both areas weigh 0.20.
    assert_eq!(after.overall, Some(70.0));
    assert_eq!((after.evaluations[0].total, after.evaluations[0].standing_total()), (Some(100), Some(40)));
    let unit = fixture.store.read().await.unwrap();
    assert_eq!(unit.transcripts().get(1001).await.unwrap().total_score, Some(40.0));
    assert_eq!(unit.interviews().get(INTERVIEW).await.unwrap().overall_score, Some(70.0));
    assert_eq!(unit.reviews().of(&scored.evaluation_id).await.unwrap().len(), 1);
    unit.rollback().await.unwrap();
    assert_eq!(fixture.store.check_log(None).await.unwrap().faults, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_score_is_in_the_log_with_the_rubric_that_it_was_made_by() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let report = fixture.report().await;
    let checked = fixture.store.check_log(None).await.unwrap();
    assert_eq!((checked.faults, checked.evaluations), (Vec::new(), SAID.len()));
    let unit = fixture.store.read().await.unwrap();
    let yaml = unit.rubrics().find(&report.rubric.sha256).await.unwrap().unwrap();
    assert_eq!(yaml, fixture.evaluator.judge().rubric().yaml());
    assert!(report.evaluations.iter().all(|evaluation| evaluation.provenance.attempt == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_more_is_thought_about_an_interview_that_was_erased() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    fixture.report().await;
    fixture.store.erase_interview(INTERVIEW).await.unwrap();
    let calls = fixture.engine.calls();
    let error = fixture.run(&fixture.final_report(), REPORT).await.unwrap_err();
    assert!(error.class() == ErrorClass::Permanent && error.to_string().contains("erased"), "{error}");
    assert_eq!(fixture.engine.calls(), calls);
    assert!(fixture.evaluator.stored_report(INTERVIEW).await.is_err(), "there is nothing left to report");
}

/// The model thinks while somebody asks to be forgotten: what it thought is thrown away.
#[tokio::test(flavor = "multi_thread")]
async fn a_thought_that_ends_after_the_erasure_is_not_stored() {
    let (begun, thinking) = std::sync::mpsc::channel();
    let (erased, go_on) = std::sync::mpsc::channel::<()>();
    let engine = Obedient::while_thinking(move |_| {
        begun.send(()).unwrap();
        go_on.recv().unwrap();
        Ok(())
    });
    let fixture = Fixture::with(engine, &SAID[..1]).await;
    let crew = fixture.crew(1, 1).await;
    let asked = crew.send(&REPORT).await;
    tokio::task::spawn_blocking(move || thinking.recv().unwrap()).await.unwrap();
    fixture.store.erase_interview(INTERVIEW).await.unwrap();
    erased.send(()).unwrap();
    drop(erased);
    let outcome = asked.await.unwrap();
    assert!(outcome.into_result().is_err());
    crew.leave().await;
    let unit = fixture.store.read().await.unwrap();
    assert_eq!(unit.evaluations().newest(INTERVIEW).await.unwrap().iter().filter(|found| found.status == Status::Scored).count(), 0);
    assert!(unit.transcripts().get(1001).await.unwrap().text.is_empty());
}
