use std::sync::mpsc;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use viva_core::evaluation::Status;
use viva_core::task::{self, Task};
use viva_core::{ErrorClass, store::Store};
use viva_worker::Handler as _;

use crate::fixture::{Fixture, INTERVIEW, Obedient, context};

const SAID: &[(&str, &str)] = &[
    ("intro", "안녕하세요 저는 백엔드 개발자입니다 정산을 맡고 있습니다"),
    ("skill", "프록시가 트랜잭션을 열고 끝나면 커밋합니다"),
    ("problem_solving_followup", "없습니다"),
    ("growth", "카프카를 혼자 공부해서 팀에 소개했습니다"),
];

const REPORT: Task = Task::GenerateFinalReport { interview_id: INTERVIEW };

fn analyze(transcript_id: i32, question_type: Option<&str>) -> Task {
    Task::AnalyzeAnswer(task::AnalyzeAnswer {
        transcript_id,
        question_text: "트랜잭션이 무엇인가요?".to_owned(),
        answer_text: "모두 되거나 하나도 안 되는 작업의 단위입니다".to_owned(),
        rubric: None,
        question_id: None,
        question_type: question_type.map(str::to_owned),
    })
}

async fn scores(store: &Store) -> Vec<Option<f64>> {
    let session = store.read().await.unwrap();
    session.transcripts().answers(INTERVIEW).await.unwrap().into_iter().map(|answer| answer.transcript.total_score).collect()
}

#[tokio::test]
async fn a_report_scores_every_answer_and_stores_what_the_platform_reads() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    fixture.report().await;

    assert_eq!(scores(&fixture.store).await, [Some(100.0), Some(100.0), None, Some(100.0)]);
    let session = fixture.store.read().await.unwrap();
    let row = session.evaluation_reports().find(INTERVIEW).await.unwrap().unwrap();
    assert_eq!((row.technical_score, row.communication_score, row.cultural_fit_score), (Some(100.0), None, Some(100.0)));
    assert_eq!(row.summary_text.as_deref(), Some("분명합니다"));
    assert_eq!(session.interviews().get(INTERVIEW).await.unwrap().overall_score, Some(100.0));
    let parts = session.transcripts().get(1002).await.unwrap().rubric_score.unwrap();
    assert_eq!(parts["세부항목점수"], json!({ "개념의 정확성": 50, "논리성": 30, "용어 활용력": 20 }));
    let mut stored = session.evaluations().newest(INTERVIEW).await.unwrap();
    stored.sort_by_key(|evaluation| evaluation.transcript_id);
    let statuses: Vec<Status> = stored.iter().map(|evaluation| evaluation.status).collect();
    assert_eq!(statuses, [Status::Scored, Status::Scored, Status::InsufficientEvidence, Status::Scored]);
    assert!(stored.iter().all(|evaluation| evaluation.inconsistency().is_none()));
}

#[tokio::test]
async fn a_report_asked_for_again_asks_no_model() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let first = fixture.report().await;
    // Three answers and the summary; one answer is settled by rule.
    assert_eq!(fixture.engine.calls(), 4);
    let second = fixture.report().await;
    assert_eq!(fixture.engine.calls(), 4);
    assert_eq!(second, first);
}

#[tokio::test]
async fn an_answer_that_changed_is_evaluated_anew_and_nothing_else_is() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    fixture.report().await;
    let session = fixture.store.write().await.unwrap();
    let mut changed = session.transcripts().get(1002).await.unwrap();
    changed.text.push_str(" 예외가 나면 되돌립니다");
    session.transcripts().put(&changed).await.unwrap();
    session.commit().await.unwrap();
    let report = fixture.report().await;
    // The obedient model says the same of both, so the summary's inputs are unchanged too.
    assert_eq!(fixture.engine.calls(), 5);
    assert_eq!(report.evaluations.len(), SAID.len());
}

#[tokio::test]
async fn the_same_answer_in_two_places_is_computed_once_and_kept_for_both() {
    let twice = [("skill", "프록시가 트랜잭션을 열고 끝나면 커밋합니다"); 2];
    let fixture = Fixture::with(Obedient::new(), &twice).await;
    let session = fixture.store.write().await.unwrap();
    let mut second = session.transcripts().get(1002).await.unwrap();
    second.question_id = Some(1);
    session.transcripts().put(&second).await.unwrap();
    session.commit().await.unwrap();
    let report = fixture.report().await;
    assert_eq!(fixture.engine.calls(), 2);
    assert_eq!(report.evaluations.iter().map(|evaluation| evaluation.transcript_id).collect::<Vec<_>>(), [Some(1001), Some(1002)]);
    assert_eq!(scores(&fixture.store).await, [Some(100.0), Some(100.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_open_while_the_model_runs() {
    // SQLite has one writer: if the handler held a session, this write could not come through.
    let (probe, questions) = mpsc::channel::<mpsc::Sender<()>>();
    let engine = Obedient::while_thinking(move |_| {
        let (done, wait) = mpsc::channel();
        probe.send(done).unwrap();
        wait.recv().unwrap();
        Ok(())
    });
    let fixture = Fixture::with(engine, &SAID[..2]).await;
    let store = fixture.store.clone();
    let runtime = tokio::runtime::Handle::current();
    let prober = std::thread::spawn(move || {
        let mut probes = 0;
        while let Ok(done) = questions.recv() {
            runtime.block_on(async {
                let session = store.write().await.unwrap();
                session.interviews().set_overall_score(INTERVIEW, Some(1.0)).await.unwrap();
                session.commit().await.unwrap();
            });
            probes += 1;
            done.send(()).unwrap();
        }
        probes
    });
    fixture.report().await;
    drop(fixture);
    assert_eq!(prober.join().unwrap(), 3);
}

#[tokio::test]
async fn an_answer_to_no_known_stage_is_a_failed_record_and_spares_the_rest() {
    let fixture = Fixture::with(Obedient::new(), &[("", "안녕하세요 저는 개발자입니다"), SAID[1]]).await;
    let report = fixture.report().await;
    let reason = report.evaluations[0].reason.clone().unwrap();
    assert_eq!((reason.code.as_str(), report.counts.failed, report.counts.scored), ("unknown_stage", 1, 1));
    assert_eq!(scores(&fixture.store).await, [None, Some(100.0)]);
}

#[tokio::test]
async fn a_failed_evaluation_is_kept_and_tried_again_next_time() {
    let mut first = true;
    let engine = Obedient::while_thinking(move |_| {
        let fails = std::mem::take(&mut first);
        if fails { Err(viva_llm::Error::Grammar("gave up".to_owned())) } else { Ok(()) }
    });
    let fixture = Fixture::with(engine, &SAID[..1]).await;
    let failed = fixture.report().await;
    assert_eq!((failed.counts.failed, failed.overall), (1, None));
    assert_eq!(scores(&fixture.store).await, [None]);
    let again = fixture.report().await;
    assert_eq!((again.counts.scored, again.overall), (1, Some(100.0)));
}

#[tokio::test]
async fn an_interview_without_answers_is_a_clear_error() {
    let fixture = Fixture::with(Obedient::new(), &[]).await;
    let error = fixture.run(&fixture.final_report(), REPORT).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert!(error.to_string().contains("the interview has no answers"), "{error}");
}

#[tokio::test]
async fn an_unknown_interview_is_a_clear_error() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let unknown = Task::GenerateFinalReport { interview_id: 4_711 };
    let error = fixture.run(&fixture.final_report(), unknown).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Permanent);
    assert!(error.to_string().contains("4711") && error.to_string().contains("interviews"), "{error}");
}

#[tokio::test]
async fn one_answer_is_scored_and_answered_in_the_platforms_words() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let handler = fixture.analyze_answer();
    let result = fixture.run(&handler, analyze(1002, Some("skill"))).await.unwrap();
    assert_eq!(result["total_score"], json!(100));
    assert_eq!(result["rubric_scores"], json!({ "개념의 정확성": 50, "논리성": 30, "용어 활용력": 20 }));
    assert_eq!((&result["feedback"], &result["status"]), (&json!("분명합니다"), &json!("scored")));
    assert_eq!(scores(&fixture.store).await[1], Some(100.0));
}

#[tokio::test]
async fn a_stage_that_is_not_named_is_the_questions_own() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let result = fixture.run(&fixture.analyze_answer(), analyze(1004, None)).await.unwrap();
    assert_eq!(result["rubric_scores"]["학습 의지"], json!(30));
}

#[tokio::test]
async fn an_unknown_stage_or_transcript_is_a_clear_error() {
    let fixture = Fixture::with(Obedient::new(), SAID).await;
    let handler = fixture.analyze_answer();
    for (task, said) in [(analyze(1002, Some("lunch")), "lunch"), (analyze(9_999, Some("skill")), "9999")] {
        let error = fixture.run(&handler, task).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Permanent);
        assert!(error.to_string().contains(said), "{error}");
    }
    assert_eq!(fixture.engine.calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_task_stops_the_model_and_stores_nothing() {
    let (started, begun) = mpsc::channel();
    let engine = Obedient::while_thinking(move |cancel| {
        started.send(()).unwrap();
        while !cancel.is_cancelled() {
            std::thread::yield_now();
        }
        Ok(())
    });
    let fixture = Fixture::with(engine, SAID).await;
    let token = CancellationToken::new();
    let handler = fixture.analyze_answer();
    let running = tokio::spawn({
        let task = analyze(1002, Some("skill"));
        let context = context(&task, &token);
        async move { handler.handle(task, context).await }
    });
    tokio::task::spawn_blocking(move || begun.recv().unwrap()).await.unwrap();
    token.cancel();
    assert_eq!(running.await.unwrap().unwrap_err().class(), ErrorClass::Cancelled);
    assert_eq!(scores(&fixture.store).await, [None; 4]);
}
