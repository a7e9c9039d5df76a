//! One answer's evaluation, and people's word about it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use viva_core::evaluation::{Evaluation, Review};
use viva_core::store::Transcript;
use viva_core::task::{AnalyzeAnswer, Task};

use crate::App;
use crate::auth::Caller;
use crate::jobs::Kind;
use crate::problem::Problem;
use crate::reading::Body;

/// The evaluation of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnswerEvaluation {
    /// The answer.
    pub transcript_id: i32,
    /// `none`, `pending` or `ready`.
    pub state: &'static str,
    /// The record; null while there is none.
    #[schema(value_type = Option<Object>)]
    pub evaluation: Option<Evaluation>,
}

/// A person's word.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewReview {
    /// The total that stands from now on; null says that the score stands.
    #[schema(minimum = 0, maximum = 1000)]
    pub total: Option<u32>,
    /// Why.
    #[schema(min_length = 1, max_length = 2000)]
    pub reason: String,
}

/// Asks for an answer's evaluation: one job, whoever asks.
#[utoipa::path(post, path = "/v1/answers/{transcript_id}/evaluation", tag = "answers", security(("bearer" = [])),
    params(("transcript_id" = i32, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 202, body = crate::jobs::Accepted), (status = 400), (status = 401), (status = 403), (status = 404), (status = 422), (status = 429), (status = 503)))]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(transcript_id): Path<i32>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.staff()?;
    let what = format!("evaluation {transcript_id}");
    app.idempotent(&caller, &headers, &what).await?;
    let task = analyze(&app, transcript_id).await?;
    let job = app.ask(&what, &task).await?;
    app.accepted(Kind::Answer, job, format!("/v1/answers/{transcript_id}/evaluation")).await
}

/// An answer's newest evaluation, with the newest word of a person about it.
#[utoipa::path(get, path = "/v1/answers/{transcript_id}/evaluation", tag = "answers", security(("bearer" = [])),
    params(("transcript_id" = i32, Path)),
    responses((status = 200, body = AnswerEvaluation), (status = 400), (status = 401), (status = 404), (status = 429), (status = 503)))]
pub(crate) async fn show(State(app): State<Arc<App>>, caller: Caller, Path(transcript_id): Path<i32>) -> Result<Response, Problem> {
    let unit = app.store.read().await?;
    let transcript = unit.transcripts().get(transcript_id).await?;
    let evaluation = unit.evaluations().newest_for(transcript_id).await?;
    unit.rollback().await?;
    caller.reads(transcript.interview_id).map_err(|_| Problem::not_found(format!("there is no row {transcript_id} in transcripts")))?;
    let open = match (&evaluation, transcript.speaker == "USER") {
        (None, true) => is_open(&app, transcript_id).await?,
        _ => false,
    };
    let state = if evaluation.is_some() {
        "ready"
    } else if open {
        "pending"
    } else {
        "none"
    };
    let body = Json(AnswerEvaluation { transcript_id, state, evaluation });
    Ok(([(header::CACHE_CONTROL, "private, no-cache")], body).into_response())
}

/// Stores a person's word about an evaluation beside it: another total, or that the score stands. Both are kept.
#[utoipa::path(post, path = "/v1/evaluations/{evaluation_id}/reviews", tag = "answers", security(("bearer" = [])),
    params(("evaluation_id" = String, Path)), request_body = NewReview,
    responses((status = 201, description = "The review as stored"), (status = 400), (status = 401), (status = 403), (status = 404), (status = 413), (status = 415), (status = 422), (status = 429), (status = 503)))]
pub(crate) async fn review(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(evaluation_id): Path<String>,
    Body(review): Body<NewReview>,
) -> Result<(StatusCode, Json<Review>), Problem> {
    caller.staff()?;
    let reason = review.reason.trim();
    if reason.is_empty() || reason.chars().count() > 2000 {
        return Err(Problem::unprocessable("bad-reason", "reason is a text of 1 to 2000 characters"));
    }
    let unit = app.store.write().await?;
    let evaluation = unit.evaluations().get(&evaluation_id).await?;
    if review.total.is_some_and(|total| total > evaluation.max) {
        return Err(Problem::unprocessable("bad-total", format!("a total is 0 to {}", evaluation.max)));
    }
    let stored = unit.reviews().record(&evaluation_id, &caller.subject, review.total, reason).await?;
    show_total(&unit, &evaluation, review.total).await?;
    unit.commit().await?;
    Ok((StatusCode::CREATED, Json(stored)))
}

/// The platform reads the total that stands; the parts are the model's, and stay as they are.
async fn show_total(unit: &viva_core::store::Session, evaluation: &Evaluation, total: Option<u32>) -> Result<(), Problem> {
    let (Some(transcript_id), Some(total)) = (evaluation.transcript_id, total) else { return Ok(()) };
    let Transcript { rubric_score, .. } = unit.transcripts().get(transcript_id).await?;
    Ok(unit.transcripts().set_score(transcript_id, Some(f64::from(total)), rubric_score).await?)
}

async fn is_open(app: &App, transcript_id: i32) -> Result<bool, Problem> {
    let Ok(task) = analyze(app, transcript_id).await else { return Ok(false) };
    let unit = app.store.glance().await?;
    let open = unit.dispatches().find(&task.to_message()).await?;
    unit.rollback().await?;
    Ok(open.is_some())
}

async fn analyze(app: &App, transcript_id: i32) -> Result<Task, Problem> {
    let unit = app.store.read().await?;
    let transcript = unit.transcripts().get(transcript_id).await?;
    if transcript.speaker != "USER" {
        return Err(Problem::unprocessable("no-answer", format!("transcript {transcript_id} is no answer of a candidate")));
    }
    let question = match transcript.question_id {
        Some(id) => Some(unit.questions().get(id).await?),
        None => None,
    };
    unit.rollback().await?;
    let (question_text, question_type) = question.map_or_else(Default::default, |asked| (asked.content, asked.question_type));
    Ok(Task::AnalyzeAnswer(AnalyzeAnswer {
        transcript_id,
        question_text,
        answer_text: transcript.text,
        rubric: None::<Value>,
        question_id: transcript.question_id,
        question_type,
    }))
}
