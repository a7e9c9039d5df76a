use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use viva_core::store::{Resume, take_longest_session};
use viva_core::{ErrorClass, Task};
use viva_worker::Handler as _;

use crate::interviewer::{RESUME, RESUME_TEXT, Stage, Talker, Words};

async fn stage() -> Stage {
    Stage::new(Talker::asking("무엇을 하셨나요?"), Words::new()).await
}

async fn status(stage: &Stage) -> String {
    let unit = stage.store.read().await.unwrap();
    unit.resumes().get(RESUME).await.unwrap().processing_status
}

/// Every row of the resume's passages, whole.
fn rows(stage: &Stage) -> i64 {
    viva_testkit::sql_number(&stage.url, "SELECT COUNT(*) FROM resume_chunks")
}

async fn passages(stage: &Stage, query: &str) -> Vec<String> {
    let found = stage.resumes.passages(RESUME, query, 2).await.unwrap();
    found.into_iter().map(|passage| passage.text).collect()
}

#[tokio::test]
async fn a_resume_becomes_passages_that_are_found_by_what_they_say() {
    let stage = stage().await;
    assert_eq!(stage.embed().await.unwrap(), Value::Null);
    assert_eq!((rows(&stage), status(&stage).await.as_str()), (3, "completed"));
    let found = stage.resumes.passages(RESUME, "동료와 일한 경험", 1).await.unwrap();
    assert_eq!((found[0].section.as_str(), found[0].text.as_str()), ("활동", "동료와 의견이 달라 함께 실험해 보고 합의했습니다."));
    assert_eq!(&RESUME_TEXT[found[0].start..found[0].end], found[0].text);
    assert!((found[0].score - 1.0).abs() < 1e-6);
    assert_eq!(passages(&stage, "지연").await[0], "결제 승인 지연을 줄였습니다. 장애 기록을 남겼습니다.");
}

#[tokio::test]
async fn a_resume_processed_twice_leaves_the_same_rows_and_asks_no_model_again() {
    let stage = stage().await;
    stage.embed().await.unwrap();
    let all = "SELECT COALESCE(SUM(position * 1000 + LENGTH(text) + LENGTH(embedding)), 0) * 100 + COUNT(*) FROM resume_chunks";
    let before = (viva_testkit::sql_number(&stage.url, all), stage.words.texts(), passages(&stage, "전공").await);
    stage.embed().await.unwrap();
    // The query was remembered, too.
    let after = (viva_testkit::sql_number(&stage.url, all), stage.words.texts() - 1, passages(&stage, "전공").await);
    assert_eq!(after, before);
}

#[tokio::test]
async fn an_edited_resume_is_computed_anew_and_nothing_of_the_old_is_left() {
    let stage = stage().await;
    stage.embed().await.unwrap();
    stage.resume("[경력]\n배운 것을 나누었습니다.").await;
    stage.embed().await.unwrap();
    assert_eq!(rows(&stage), 1);
    assert_eq!(passages(&stage, "배운 것").await, ["배운 것을 나누었습니다."]);
    // Back to what it was: computed again, since nothing holds it any more.
    stage.resume(RESUME_TEXT).await;
    stage.embed().await.unwrap();
    assert_eq!(rows(&stage), 3);
}

#[tokio::test]
async fn another_model_finds_nothing_until_it_has_read_the_resume_itself() {
    let one = stage().await;
    one.embed().await.unwrap();
    let other = Stage::at(&one.url, Talker::asking("무엇을 하셨나요?"), Words::of("other words", || {})).await;
    assert_eq!(passages(&other, "동료").await, Vec::<String>::new());
    other.embed().await.unwrap();
    assert_eq!((rows(&one), passages(&other, "동료").await.len(), passages(&one, "동료").await.len()), (3, 2, 0));
}

#[tokio::test]
async fn no_session_is_open_while_the_model_reads() {
    const THINKS: Duration = Duration::from_secs(3);
    let stage = Stage::new(Talker::asking("무엇을 하셨나요?"), Words::of("slow words", || std::thread::sleep(THINKS))).await;
    take_longest_session();
    stage.embed().await.unwrap();
    passages(&stage, "동료").await;
    assert!(take_longest_session() < THINKS);
}

#[tokio::test]
async fn a_resume_without_text_is_read_from_its_structure_and_one_with_neither_fails() {
    let stage = stage().await;
    let data = json!({"header": {"name": "김", "target_role": "백엔드"}, "projects": [{"title": "정산", "description": "지연을 줄임"}], "awards": []});
    let put = async |data: Option<Value>| {
        let unit = stage.store.write().await.unwrap();
        let resume =
            Resume { id: RESUME, extracted_text: Some(" \n".to_owned()), structured_data: data, processing_status: "pending".to_owned() };
        unit.resumes().put(&resume).await.unwrap();
        unit.commit().await.unwrap();
    };
    for form in [data.clone(), Value::String(data.to_string())] {
        put(Some(form)).await;
        stage.embed().await.unwrap();
        assert_eq!(passages(&stage, "지연").await[0], "정산, 지연을 줄임");
    }
    put(None).await;
    let refused = stage.embed().await.unwrap_err();
    assert_eq!(refused.class(), ErrorClass::Permanent);
    assert!(refused.to_string().contains("resume 7 has no text"), "{refused}");
    let task = Task::GenerateEmbeddings { resume_id: RESUME };
    stage.embedding().abandon(&task, "no text").await.unwrap();
    assert_eq!(status(&stage).await, "failed");
    // Nobody's resume: nothing to say about it.
    stage.embedding().abandon(&Task::GenerateEmbeddings { resume_id: 99 }, "gone").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_resumes_are_computed_once_and_kept_for_each() {
    let stage = stage().await;
    let unit = stage.store.write().await.unwrap();
    unit.resumes().put(&Resume { id: 8, ..crate::interviewer::resume(RESUME_TEXT) }).await.unwrap();
    unit.commit().await.unwrap();
    stage.embed().await.unwrap();
    let asked = stage.words.texts();
    let second = Task::GenerateEmbeddings { resume_id: 8 };
    let context = crate::fixture::context(&second, &tokio_util::sync::CancellationToken::new());
    stage.embedding().handle(second, context).await.unwrap();
    assert_eq!((stage.words.texts(), rows(&stage)), (asked, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_is_told_and_tried_again() {
    let broken = Arc::new(AtomicBool::new(true));
    let switch = broken.clone();
    let words = Words::of("moody words", move || assert!(!switch.load(Ordering::SeqCst), "the model breaks"));
    let stage = Stage::new(Talker::asking("무엇을 하셨나요?"), words).await;
    stage.embed().await.unwrap_err();
    assert_eq!(rows(&stage), 0);
    broken.store(false, Ordering::SeqCst);
    stage.embed().await.unwrap();
    assert_eq!(rows(&stage), 3);
}
