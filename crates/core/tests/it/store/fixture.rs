use chrono::{DateTime, Utc};
use viva_core::evaluation::{
    Confidence, Evaluation, Item, ModelRecord, Note, Provenance, RubricRef, SCHEMA_VERSION, SamplingRecord, SpeechFacts, Status, new_id,
};
use viva_core::store::{Clip, Interview, Question, ReportRow, Transcript};
use viva_core::{Digest, store::Store};

pub fn interview(id: i32) -> Interview {
    Interview { id, position: "backend".to_owned(), status: "COMPLETED".to_owned(), overall_score: None }
}

pub fn question(id: i32) -> Question {
    let rubric_json = Some(serde_json::json!({"세부": [1, 2.5, null]}));
    Question { id, content: format!("질문 {id}?"), question_type: Some("motivation".to_owned()), rubric_json }
}

pub fn transcript(id: i32, question_id: i32) -> Transcript {
    Transcript {
        id,
        interview_id: 153,
        speaker: "USER".to_owned(),
        text: format!("답 {id}"),
        question_id: Some(question_id),
        order: Some(id),
        total_score: None,
        rubric_score: None,
    }
}

pub fn report(interview_id: i32, score: f64) -> ReportRow {
    ReportRow {
        id: 0,
        interview_id,
        technical_score: Some(score),
        communication_score: None,
        cultural_fit_score: Some(score / 2.0),
        summary_text: Some("요약".to_owned()),
        details_json: Some(serde_json::json!({"areas": []})),
        evaluator_model: None,
    }
}

pub fn clip(computation: &str, sound: &[u8]) -> Clip {
    Clip {
        computation: Digest::of_computation("speech", &[("text", computation)]),
        digest: Digest::of(sound),
        bytes: sound.len() as u64,
        duration_ms: 1234.5,
        created_at_ms: 1_772_366_286_163,
    }
}

pub fn evaluation(transcript_id: i32, computation: &str, status: Status) -> Evaluation {
    let scored = status == Status::Scored;
    let item = Item {
        name: "logic".to_owned(),
        title: "논리".to_owned(),
        score: 7,
        max: 10,
        evidence: Vec::new(),
        expected: Some(6.5),
        probability: Some(0.25),
    };
    Evaluation {
        schema_version: SCHEMA_VERSION,
        evaluation_id: new_id(),
        interview_id: Some(153),
        transcript_id: Some(transcript_id),
        question_id: None,
        question: "왜 지원하셨나요?".to_owned(),
        answer: "성장하고 싶어서 지원했습니다".to_owned(),
        stage: "motivation".to_owned(),
        area: "fit".to_owned(),
        language: "ko".to_owned(),
        rubric: RubricRef { id: "r".to_owned(), version: "1".to_owned(), sha256: "0".repeat(64) },
        status,
        reason: (!scored).then(|| Note::new("model_failed", "no JSON")),
        items: if scored { vec![item] } else { Vec::new() },
        total: scored.then_some(7),
        expected_total: scored.then_some(6.5),
        confidence: scored.then(|| Confidence { value: 0.25, method: "point_probability".to_owned(), totals: Vec::new() }),
        max: 10,
        band: scored.then(|| "good".to_owned()),
        feedback: None,
        warnings: Vec::new(),
        withheld: Vec::new(),
        speech: SpeechFacts::default(),
        provenance: provenance(computation),
        supersedes: None,
        human_review: None,
    }
}

fn provenance(computation: &str) -> Provenance {
    let moment: DateTime<Utc> = "2026-03-01T12:58:06.163Z".parse().unwrap();
    let model = ModelRecord {
        name: "m".to_owned(),
        architecture: "llama".to_owned(),
        parameters: 135_000_000,
        quantisation: "Q4_K_M".to_owned(),
        sha256: "1".repeat(64),
        template_sha256: None,
        engine: "viva-llm 0.1.0".to_owned(),
        numeric_class: "avx2".to_owned(),
    };
    Provenance {
        computation: computation.to_owned(),
        input_sha256: "2".repeat(64),
        prompt_version: "1".to_owned(),
        model,
        sampling: SamplingRecord { temperature: 0.1, top_p: 0.95, seed: u64::MAX, max_tokens: 512, samples: 1 },
        usage: None,
        worker_id: "w".to_owned(),
        attempt: 1,
        started_at: moment,
        finished_at: moment,
    }
}

/// The number of rows of a table, seen from outside.
pub async fn count(database: &super::Database, table: &'static str) -> i64 {
    use sea_orm::ConnectionTrait as _;
    use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
    let select = Query::select().expr_as(Expr::col("id").count(), "n").from(table).to_owned();
    let db = database.raw().await;
    let row = db.query_one(&select).await.unwrap().unwrap();
    row.try_get("", "n").unwrap()
}

/// Whether the interview is there.
pub async fn has_interview(store: &Store, id: i32) -> bool {
    let session = store.read().await.unwrap();
    session.interviews().get(id).await.is_ok()
}
