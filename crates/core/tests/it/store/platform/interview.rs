//! The next question in an existing platform's own tables, with its enumerations and its columns without defaults.

use viva_core::store::{Category, NewQuestion, Store, migrate};
use viva_testkit::Postgres;

use super::{platform, populated};

#[tokio::test]
async fn a_question_is_asked_in_its_own_tables_and_its_resume_completed() {
    let url = populated();
    migrate(&url).await.unwrap();
    // Its fixture numbers the questions itself; a platform leaves that to the database, as Viva does.
    Postgres::shared().sql(&url, "SELECT setval(pg_get_serial_sequence('questions', 'id'), 15)");
    let store = Store::connect(&url).await.unwrap();
    let unit = store.write().await.unwrap();
    let turns = unit.transcripts().turns(153).await.unwrap();
    assert_eq!(turns.len(), 15);
    // Two answers name no question: they belong to the last one.
    assert_eq!(turns.iter().map(|turn| turn.answers.len()).collect::<Vec<_>>(), [vec![1; 14], vec![3]].concat());
    let kinds = [Category::Technical, Category::Behavioral, Category::Situational, Category::CulturalFit];
    for category in kinds {
        let question =
            NewQuestion {
                content: "무엇을 배우셨나요?".to_owned(), stage: "growth_followup".to_owned(), category, follows_up: Some(13)
            };
        let id = unit.questions().add(&question).await.unwrap();
        unit.transcripts().ask(153, id, &question.content).await.unwrap();
    }
    let resume = unit.interviews().resume(153).await.unwrap().unwrap();
    unit.resumes().completed(resume).await.unwrap();
    assert_eq!(unit.resumes().get(resume).await.unwrap().processing_status, "completed");
    unit.commit().await.unwrap();

    let told = Postgres::shared().sql(
        &url,
        "SELECT q.category, q.difficulty, q.is_follow_up, q.parent_question_id, t.speaker, t.\"order\", t.text
         FROM questions q JOIN transcripts t ON t.question_id = q.id WHERE q.id > 15 ORDER BY q.id",
    );
    // The highest place so far is 33: the answer to the last question but one.
    let line = |category: &str, order: i32| format!("{category}|MEDIUM|t|13|AI|{order}|무엇을 배우셨나요?");
    let expected = [line("TECHNICAL", 33), line("BEHAVIORAL", 34), line("SITUATIONAL", 35), line("CULTURAL_FIT", 36)];
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
    assert_eq!(Postgres::shared().sql(&url, "SELECT processed_at IS NOT NULL FROM resumes WHERE id = 1"), "t");
    // Its own program reads all of it, and forgets it.
    let read = platform("read", &url);
    assert_eq!(read["153"]["answers"].as_array().unwrap().len(), 17);
    assert_eq!(platform("forget", &url), 1);
}
