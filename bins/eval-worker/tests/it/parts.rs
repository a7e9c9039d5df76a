//! One report, many parts, any number of workers: written once, whatever becomes of a part.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use viva_core::evaluation::Status;
use viva_core::{Outcome, Task};

use crate::fixture::{Fixture, INTERVIEW, Obedient};

const REPORT: Task = Task::GenerateFinalReport { interview_id: INTERVIEW };

const SAID: &[(&str, &str)] = &[
    ("intro", "안녕하세요 저는 백엔드 개발자입니다 정산을 맡고 있습니다"),
    ("skill", "프록시가 트랜잭션을 열고 끝나면 커밋합니다"),
    ("experience", "배포 시간을 절반으로 줄인 경험이 있습니다"),
    ("growth", "카프카를 혼자 공부해서 팀에 소개했습니다"),
];

fn done() -> Outcome {
    Outcome::Success(Value::Null)
}

/// Rows of plans, their parts, and whoever waits.
fn left_behind(fixture: &Fixture) -> i64 {
    let tables = ["report_plans", "report_parts", "waiters", "outbox"];
    tables.iter().map(|table| viva_testkit::sql_number(&fixture.url(), &format!("SELECT COUNT(*) FROM {table}"))).sum()
}

/// The answers are thought about in pairs: a worker of one lane alone would wait for ever.
#[tokio::test(flavor = "multi_thread")]
async fn workers_share_one_report() {
    let (together, thoughts) = (Barrier::new(2), AtomicUsize::new(0));
    let engine = Obedient::while_all_think(move |_, _| {
        if thoughts.fetch_add(1, Ordering::SeqCst) < SAID.len() {
            together.wait();
        }
        Ok(())
    });
    let fixture = Fixture::with(engine, SAID).await;
    let crew = fixture.crew(2, 1).await;
    assert_eq!(crew.ask(&REPORT).await, done());
    crew.leave().await;
    let report = fixture.evaluator.stored_report(INTERVIEW).await.unwrap();
    assert_eq!((report.counts.scored, fixture.engine.calls()), (SAID.len(), SAID.len() + 1));
    assert_eq!(left_behind(&fixture), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_many_ask_for_is_written_once_and_all_are_told() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let crew = fixture.crew(3, 4).await;
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(crew.send(&REPORT).await);
    }
    for outcome in asked {
        assert_eq!(outcome.await.unwrap(), done());
    }
    crew.leave().await;
    assert_eq!(fixture.engine.calls(), SAID.len() + 1);
    assert_eq!(left_behind(&fixture), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_cannot_be_done_is_marked_and_the_report_comes_out() {
    let engine = Obedient::while_all_think(|request, _| {
        assert!(!format!("{request:?}").contains("배포 시간"), "this answer crashes the model");
        Ok(())
    });
    let fixture = Fixture::with(engine, SAID).await;
    let crew = fixture.crew(2, 2).await;
    assert_eq!(crew.ask(&REPORT).await, done());
    crew.leave().await;
    let report = fixture.evaluator.stored_report(INTERVIEW).await.unwrap();
    assert_eq!((report.counts.scored, report.counts.failed), (SAID.len() - 1, 1));
    let failed = report.evaluations.iter().find(|evaluation| evaluation.status == Status::Failed).unwrap();
    assert_eq!((failed.transcript_id, failed.total), (Some(1003), None));
    assert_eq!(failed.reason.as_ref().unwrap().code, "abandoned");
    assert!(report.missing_stages.contains(&"experience".to_owned()), "{:?}", report.missing_stages);
    assert_eq!(left_behind(&fixture), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_a_broker_lost_come_again_when_somebody_asks() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    // Nobody takes the parts of the first: they go down with their queue.
    let first = fixture.final_report();
    let context = crate::fixture::context(&REPORT, &tokio_util::sync::CancellationToken::new());
    assert_eq!(viva_worker::Handler::handle(&first, REPORT, context).await.unwrap(), viva_worker::Answer::Later);
    let store = fixture.store.write().await.unwrap();
    let lost = store.outbox().due(first.flight.worker(), 100).await.unwrap();
    assert_eq!(lost.len(), SAID.len());
    store.outbox().remove(&lost.iter().map(|posted| posted.id).collect::<Vec<_>>()).await.unwrap();
    store.commit().await.unwrap();

    // Who asks right after it leaves them to the first; who asks later does not.
    let joins = async || {
        let second = fixture.final_report();
        let context = crate::fixture::context(&REPORT, &tokio_util::sync::CancellationToken::new());
        assert_eq!(viva_worker::Handler::handle(&second, REPORT, context).await.unwrap(), viva_worker::Answer::Later);
        viva_testkit::sql_number(&fixture.url(), "SELECT COUNT(*) FROM outbox")
    };
    assert_eq!(joins().await, 0);
    viva_testkit::sql_change(&fixture.url(), "UPDATE report_plans SET sent_at_ms = sent_at_ms - 31000");
    assert_eq!(joins().await, SAID.len() as i64);
    assert_eq!(joins().await, SAID.len() as i64);
    // Those were lost, too.
    viva_testkit::sql_change(&fixture.url(), "DELETE FROM outbox");
    viva_testkit::sql_change(&fixture.url(), "UPDATE report_plans SET sent_at_ms = 0");

    let crew = fixture.crew(1, 2).await;
    assert_eq!(crew.ask(&REPORT).await, done());
    crew.leave().await;
    assert_eq!(fixture.engine.calls(), SAID.len() + 1);
    assert_eq!(left_behind(&fixture), 0);
}
