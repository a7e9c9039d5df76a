//! An interview's report: asked for once, shown as it grows.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use viva_core::store::Topic;
use viva_core::task::Task;

use crate::App;
use crate::auth::Caller;
use crate::conditional;
use crate::document::Document;
use crate::jobs::Kind;
use crate::problem::Problem;

/// Asks for an interview's report: one job, whoever asks.
#[utoipa::path(post, path = "/v1/interviews/{interview_id}/report", tag = "interviews", security(("bearer" = [])),
    params(("interview_id" = i32, Path), ("Idempotency-Key" = Option<String>, Header)),
    responses(
        (status = 202, description = "On its way: Location says where, Retry-After when", body = crate::jobs::Accepted),
        (status = 303, description = "It is complete and current: Location says where"),
        (status = 400), (status = 401), (status = 403), (status = 404), (status = 422), (status = 429), (status = 503)))]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(interview_id): Path<i32>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.staff()?;
    let what = format!("report {interview_id}");
    app.idempotent(&caller, &headers, &what).await?;
    let location = format!("/v1/interviews/{interview_id}/report");
    if app.asked(&what).is_none() && app.report(interview_id).await?.complete {
        return Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response());
    }
    let job = app.ask(&what, &Task::GenerateFinalReport { interview_id }).await?;
    app.accepted(Kind::Report, job, location).await
}

/// The report as far as it is there: `complete` says whether it is whole. `Prefer: wait=N` with `If-None-Match` holds the request
/// until there is something new, for N seconds at most.
#[utoipa::path(get, path = "/v1/interviews/{interview_id}/report", tag = "interviews", security(("bearer" = [])),
    params(("interview_id" = i32, Path), ("If-None-Match" = Option<String>, Header), ("Prefer" = Option<String>, Header)),
    responses((status = 200, body = crate::document::ReportDocument), (status = 304), (status = 400), (status = 401), (status = 404), (status = 429), (status = 503)))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(interview_id): Path<i32>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.reads(interview_id)?;
    let wait = conditional::wait(&headers);
    // Watched before it is read: news in between are not missed.
    let mut news = app.hub.watch(&Topic::Interview(interview_id));
    let mut document = app.report(interview_id).await?;
    if let Some(wait) = wait {
        let until_new = async {
            while conditional::is_known(&headers, &document.etag) && news.changed().await.is_ok() {
                document = app.report(interview_id).await?;
            }
            Ok::<_, Problem>(())
        };
        tokio::select! {
            read = until_new => read?,
            () = tokio::time::sleep(wait) => {}
            () = app.stop.cancelled() => {}
        }
    }
    let mut response = answer(&headers, &document);
    if wait.is_some() {
        response.headers_mut().insert("preference-applied", HeaderValue::from_static("wait"));
    }
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Prefer, Authorization"));
    Ok(response)
}

fn answer(headers: &HeaderMap, document: &Document) -> Response {
    if conditional::is_known(headers, &document.etag) {
        return conditional::not_modified(&document.etag);
    }
    let kind = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "private, no-cache")];
    let mut response = (kind, document.body.clone()).into_response();
    conditional::set_etag(&mut response, &document.etag);
    response
}
