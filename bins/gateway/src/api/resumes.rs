//! Resumes, made searchable.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use viva_core::digest::sha256_hex;
use viva_core::store::{self, Resume, Session};
use viva_core::task::Task;
use viva_worker::Dispatcher;

use crate::App;
use crate::auth::Caller;
use crate::jobs::Kind;
use crate::problem::Problem;
use crate::reading::Body;

/// A resume's text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewResume {
    /// As it was taken from the file.
    #[schema(min_length = 1, max_length = 200_000)]
    pub text: String,
}

/// What is known of a resume.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResumeState {
    /// Its row.
    pub resume_id: i32,
    /// `pending`, `processing`, `completed` or `failed`.
    pub state: String,
    /// Passages that can be searched.
    pub passages: i64,
}

/// Stores a resume's text, and has it made searchable: one job, whoever asks.
#[utoipa::path(put, path = "/v1/resumes/{resume_id}", tag = "resumes", security(("bearer" = [])),
    params(("resume_id" = i32, Path), ("Idempotency-Key" = Option<String>, Header)), request_body = NewResume,
    responses((status = 202, body = crate::jobs::Accepted), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 422), (status = 429), (status = 503)))]
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(resume_id): Path<i32>,
    headers: HeaderMap,
    Body(resume): Body<NewResume>,
) -> Result<Response, Problem> {
    caller.service()?;
    let text = resume.text.trim();
    if text.is_empty() || text.chars().count() > 200_000 || text.contains('\0') {
        return Err(Problem::unprocessable("bad-text", "text has 1 to 200,000 characters, none of them NUL"));
    }
    app.idempotent(&caller, &headers, &format!("resume {resume_id} {}", sha256_hex(text.as_bytes()))).await?;
    let task = Task::GenerateEmbeddings { resume_id };
    let unit = app.store.write().await?;
    let known = match unit.resumes().get(resume_id).await {
        Err(store::Error::NotFound { .. }) => None,
        found => Some(found?),
    };
    let job = if known.as_ref().is_some_and(|known| known.extracted_text.as_deref() == Some(text)) {
        unit.rollback().await?;
        app.ask(&format!("resume {resume_id} {}", sha256_hex(text.as_bytes())), &task).await?
    } else {
        store_text(&unit, resume_id, text, known.is_some()).await?;
        // Another one that is on its way may have read the old text.
        let job = Dispatcher::send(&unit, &task).await?;
        unit.commit().await?;
        job
    };
    app.accepted(Kind::Resume, job, format!("/v1/resumes/{resume_id}")).await
}

/// Leaves a platform's row as it is, but for the text.
async fn store_text(unit: &Session, resume_id: i32, text: &str, is_known: bool) -> Result<(), store::Error> {
    if is_known {
        return unit.resumes().set_text(resume_id, text).await;
    }
    let row =
        Resume { id: resume_id, extracted_text: Some(text.to_owned()), structured_data: None, processing_status: "pending".to_owned() };
    unit.resumes().put(&row).await
}

/// Whether a resume can be searched yet. Its text is not shown.
#[utoipa::path(get, path = "/v1/resumes/{resume_id}", tag = "resumes", security(("bearer" = [])),
    params(("resume_id" = i32, Path)),
    responses((status = 200, body = ResumeState), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429), (status = 503)))]
pub(crate) async fn show(State(app): State<Arc<App>>, caller: Caller, Path(resume_id): Path<i32>) -> Result<Json<ResumeState>, Problem> {
    caller.staff()?;
    let unit = app.store.read().await?;
    let resume = unit.resumes().get(resume_id).await?;
    let passages = unit.resume_chunks().count(resume_id).await?;
    unit.rollback().await?;
    Ok(Json(ResumeState { resume_id, state: resume.processing_status.to_lowercase(), passages }))
}
