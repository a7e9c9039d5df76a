//! A question's speech.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use viva_core::Digest;
use viva_core::digest::sha256_hex;
use viva_core::store::{Event, Question, Topic};
use viva_core::task::{Synthesize, Task};

use crate::App;
use crate::auth::Caller;
use crate::document::Sound;
use crate::jobs::Kind;
use crate::problem::Problem;

/// The speech of a question.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct QuestionSpeech {
    /// The question.
    pub question_id: i32,
    /// `none`, `pending`, `ready`, or `failed`, and `problem` says why.
    pub state: &'static str,
    /// The clip; the one of an older text while a new one is on its way.
    pub audio: Option<Sound>,
    /// Why there is none.
    #[schema(value_type = Option<Object>)]
    pub problem: Value,
}

/// Asks for a question's speech: one job, whoever asks.
#[utoipa::path(post, path = "/v1/questions/{question_id}/speech", tag = "questions", security(("bearer" = [])),
    params(("question_id" = i32, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 202, description = "On its way", body = crate::jobs::Accepted),
        (status = 303, description = "It is there and of the question's present text: Location is the audio"),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 422), (status = 429), (status = 503)))]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(question_id): Path<i32>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.staff()?;
    app.idempotent(&caller, &headers, &format!("speech {question_id}")).await?;
    let unit = app.store.glance().await?;
    let question = unit.questions().get(question_id).await?;
    unit.rollback().await?;
    // An edited question is another request.
    let what = format!("speech {question_id} {}", sha256_hex(question.content.as_bytes()));
    let location = format!("/v1/questions/{question_id}/speech");
    if let Some(job) = app.asked(&what) {
        return app.accepted(Kind::Speech, job, location).await;
    }
    let (question, last) = look(&app, question_id).await?;
    if let Some(sound) = current(&question, last.as_ref()) {
        return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, sound.url)]).into_response());
    }
    let job = app.ask(&what, &speak(&question)).await?;
    app.accepted(Kind::Speech, job, location).await
}

/// A question's speech as far as it is there. With `Accept: audio/*` it leads to the audio itself.
#[utoipa::path(get, path = "/v1/questions/{question_id}/speech", tag = "questions", security(("bearer" = [])),
    params(("question_id" = i32, Path)),
    responses((status = 200, body = QuestionSpeech), (status = 303), (status = 400), (status = 401), (status = 404), (status = 429), (status = 503)))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(question_id): Path<i32>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.hears(&app.store, question_id).await?;
    let (question, last) = look(&app, question_id).await?;
    let mut audio = current(&question, last.as_ref());
    let open = {
        let unit = app.store.glance().await?;
        let open = unit.dispatches().find(&speak(&question).to_message()).await?;
        unit.rollback().await?;
        open.is_some()
    };
    if last.is_none() && !open {
        audio = filed(&app, question_id).await?;
    }
    let failed = last.as_ref().filter(|event| event.kind == "speech.failed").map(|event| event.body.clone());
    let state = match (&audio, open, &failed) {
        (Some(_), ..) => "ready",
        (None, true, _) => "pending",
        (None, false, Some(_)) => "failed",
        (None, false, None) => "none",
    };
    let wants_audio = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|kinds| kinds.contains("audio/"));
    match audio {
        Some(sound) if wants_audio => Ok((StatusCode::SEE_OTHER, [(header::LOCATION, sound.url)]).into_response()),
        audio => {
            let problem = failed.filter(|_| state == "failed").unwrap_or_default();
            let body = Json(QuestionSpeech { question_id, state, audio, problem });
            Ok(([(header::CACHE_CONTROL, "private, no-cache")], body).into_response())
        }
    }
}

async fn look(app: &App, question_id: i32) -> Result<(Question, Option<Event>), Problem> {
    let unit = app.store.read().await?;
    let question = unit.questions().get(question_id).await?;
    let ready = unit.events().last(&Topic::Question(question_id), "speech.ready").await?;
    let failed = unit.events().last(&Topic::Question(question_id), "speech.failed").await?;
    unit.rollback().await?;
    // The later one counts.
    let last = ready.into_iter().chain(failed).max_by_key(|event| event.seq);
    Ok((question, last))
}

/// The clip, if it is of the text that the question has now.
fn current(question: &Question, last: Option<&Event>) -> Option<Sound> {
    let last = last?;
    let same = last.body.get("text_sha256").and_then(Value::as_str) == Some(sha256_hex(question.content.as_bytes()).as_str());
    if same { Sound::of(last) } else { None }
}

/// The clip under the platform's name for it, which says nothing about the text: for what was made longer ago than news are kept.
async fn filed(app: &App, question_id: i32) -> Result<Option<Sound>, Problem> {
    let bytes = app.audio.open_alias(&format!("q_{question_id}.wav")).await?;
    Ok(bytes.map(|bytes| Sound { url: format!("/v1/audio/{}", Digest::of(&bytes)), bytes: Some(bytes.len() as u64), duration_ms: None }))
}

fn speak(question: &Question) -> Task {
    Task::Synthesize(Synthesize {
        text: question.content.clone(),
        language: "auto".to_owned(),
        speed: 1.0,
        question_id: Some(question.id),
        voice: None,
        format: None,
    })
}
