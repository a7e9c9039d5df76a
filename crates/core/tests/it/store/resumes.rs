//! Resumes with their passages, and questions that were made.

use serde_json::json;
use viva_core::Digest;
use viva_core::store::{Category, NewQuestion, NextQuestion, Resume, ResumeChunk, ResumeChunkSet, Store};

use super::Database;
use super::fixture::{interview, question, transcript};

fn resume(id: i32, text: &str) -> Resume {
    Resume {
        id,
        extracted_text: Some(text.to_owned()),
        structured_data: Some(json!({"header": {}})),
        processing_status: "pending".to_owned(),
    }
}

fn set(text: &str, passages: usize) -> ResumeChunkSet {
    let chunk = |number: usize| ResumeChunk {
        section: if number.is_multiple_of(2) { String::new() } else { "경력".to_owned() },
        start: number * 10,
        end: number * 10 + 9,
        text: format!("{text} {number}"),
        embedding: vec![number as u8; 16],
    };
    ResumeChunkSet {
        computation: Digest::of_computation("test", &[("text", text)]),
        model: "model a".to_owned(),
        chunks: (0..passages).map(chunk).collect(),
    }
}

async fn replace(store: &Store, resume_id: i32, set: &ResumeChunkSet) {
    let unit = store.write().await.unwrap();
    unit.resume_chunks().replace(resume_id, set).await.unwrap();
    unit.commit().await.unwrap();
}

pub async fn passages_are_replaced_and_never_added_to(database: Database) {
    let store = database.store().await;
    // More than fit into one statement.
    let (long, short) = (set("first", 120), set("second", 3));
    replace(&store, 1, &long).await;
    replace(&store, 2, &long).await;
    replace(&store, 1, &long).await;
    let unit = store.read().await.unwrap();
    assert_eq!(unit.resume_chunks().of(1, "model a").await.unwrap(), long.chunks);
    assert_eq!(unit.resume_chunks().made_by(&long.computation).await.unwrap(), long.chunks);
    unit.rollback().await.unwrap();

    replace(&store, 1, &short).await;
    let unit = store.read().await.unwrap();
    assert_eq!(unit.resume_chunks().of(1, "model a").await.unwrap(), short.chunks);
    assert_eq!(unit.resume_chunks().of(1, "model b").await.unwrap(), [], "vectors of another model cannot be compared");
    let shows = async |resume, set: &ResumeChunkSet| unit.resume_chunks().shows(resume, &set.computation).await.unwrap();
    assert!(shows(1, &short).await && !shows(1, &long).await && shows(2, &long).await);
    unit.rollback().await.unwrap();

    let unit = store.write().await.unwrap();
    unit.resume_chunks().forget(2).await.unwrap();
    unit.commit().await.unwrap();
    let unit = store.read().await.unwrap();
    assert_eq!(unit.resume_chunks().made_by(&long.computation).await.unwrap(), []);
    assert_eq!(unit.resume_chunks().of(1, "model a").await.unwrap().len(), 3);
}

pub async fn a_resume_says_how_far_it_is(database: Database) {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    unit.resumes().put(&resume(7, "경력 5년")).await.unwrap();
    unit.resumes().completed(7).await.unwrap();
    assert_eq!(unit.resumes().get(7).await.unwrap(), Resume { processing_status: "completed".to_owned(), ..resume(7, "경력 5년") });
    unit.resumes().failed(7).await.unwrap();
    assert_eq!(unit.resumes().get(7).await.unwrap().processing_status, "failed");
    let unknown = unit.resumes().completed(8).await.unwrap_err();
    assert!(unknown.to_string().contains("no row 8 in resumes"), "{unknown}");

    unit.interviews().put(&interview(153)).await.unwrap();
    assert_eq!(unit.interviews().resume(153).await.unwrap(), None);
    unit.interviews().attach_resume(153, 7).await.unwrap();
    assert_eq!(unit.interviews().resume(153).await.unwrap(), Some(7));
    // Writing the interview again takes nothing from it.
    unit.interviews().put(&interview(153)).await.unwrap();
    assert_eq!(unit.interviews().resume(153).await.unwrap(), Some(7));
    assert!(unit.interviews().resume(154).await.is_err());
}

pub async fn a_question_is_added_and_asked_behind_what_was_said(database: Database) {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    unit.interviews().put(&interview(153)).await.unwrap();
    // Far from where Postgres begins to count by itself.
    for id in [1001, 1002] {
        unit.questions().put(&question(id)).await.unwrap();
        unit.transcripts().put(&transcript(1000 + id, id)).await.unwrap();
    }
    let added = NewQuestion {
        content: "그때 무엇을 배우셨나요?".to_owned(),
        stage: "growth_followup".to_owned(),
        category: Category::CulturalFit,
        follows_up: Some(1002),
    };
    let id = unit.questions().add(&added).await.unwrap();
    unit.transcripts().ask(153, id, &added.content).await.unwrap();
    let turns = unit.transcripts().turns(153).await.unwrap();
    let told: Vec<(i32, usize)> = turns.iter().map(|turn| (turn.question.id, turn.answers.len())).collect();
    assert_eq!(told, [(1001, 1), (1002, 1), (id, 0)]);
    let asked = &turns[2].question;
    assert_eq!(
        (&asked.content, asked.question_type.as_deref(), &asked.rubric_json),
        (&added.content, Some("growth_followup"), &Some(json!({})))
    );

    let computation = Digest::of(b"one");
    let made = NextQuestion {
        interview_id: 153,
        question_id: id,
        stage: added.stage,
        question: added.content,
        made_by: "model".to_owned(),
        details: json!({"reason": null}),
    };
    assert!(!unit.next_questions().any(153).await.unwrap());
    unit.next_questions().record(&computation, &made).await.unwrap();
    assert_eq!(unit.next_questions().find(&computation).await.unwrap(), Some(made.clone()));
    assert_eq!(unit.next_questions().of(id).await.unwrap(), Some(made));
    assert_eq!(unit.next_questions().of(1002).await.unwrap(), None);
    assert!(unit.next_questions().any(153).await.unwrap() && !unit.next_questions().any(154).await.unwrap());
}

pub async fn an_answer_without_a_question_answers_the_last_one_before_it(database: Database) {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    unit.interviews().put(&interview(153)).await.unwrap();
    for id in [1, 2] {
        unit.questions().put(&question(id)).await.unwrap();
    }
    let said = |id: i32, speaker: &str, question_id: Option<i32>, order: Option<i32>| viva_core::store::Transcript {
        speaker: speaker.to_owned(),
        question_id,
        order,
        ..transcript(id, 1)
    };
    let rows = [
        said(5, "AI", Some(1), Some(0)),
        said(4, "USER", None, Some(1)),
        said(3, "USER", Some(1), Some(2)),
        said(2, "AI", Some(2), Some(3)),
        said(1, "USER", None, None),
        // A question that is gone asks nothing.
        said(6, "AI", Some(99), Some(4)),
    ];
    for row in &rows {
        unit.transcripts().put(row).await.unwrap();
    }
    let turns = unit.transcripts().turns(153).await.unwrap();
    let told: Vec<(i32, &[String])> = turns.iter().map(|turn| (turn.question.id, &turn.answers[..])).collect();
    assert_eq!(told, [(1, &["답 4".to_owned(), "답 3".to_owned()][..]), (2, &["답 1".to_owned()])]);
    assert_eq!(unit.transcripts().turns(152).await.unwrap(), []);
}
