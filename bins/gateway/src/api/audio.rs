//! Audio by the digest of its bytes, which nobody guesses and which never changes; and by the names of an existing frontend.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::response::Response;
use viva_core::Digest;
use viva_core::audio::media_type;

use crate::App;
use crate::conditional;
use crate::problem::Problem;

/// A clip by its SHA-256, whole or in part. Whoever knows the name may hear it: it is told to those who may.
#[utoipa::path(get, path = "/v1/audio/{sha256}", tag = "audio",
    params(("sha256" = String, Path), ("Range" = Option<String>, Header), ("If-Range" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, content_type = "audio/wav"), (status = 206), (status = 304), (status = 404), (status = 416), (status = 503)))]
pub(crate) async fn clip(
    State(app): State<Arc<App>>,
    method: Method,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // An ending such as .wav is for players that look at names.
    let digest = name.split_once('.').map_or(name.as_str(), |(digest, _)| digest);
    let missing = || Problem::not_found("there is no such clip");
    let digest: Digest = digest.parse().map_err(|_| missing())?;
    let bytes = app.audio.open(&digest).await?.ok_or_else(missing)?;
    let mut response = conditional::file(&method, &headers, &bytes, &etag(&digest), media_type(&bytes));
    cache(&mut response, "public, max-age=31536000, immutable");
    Ok(response)
}

/// A question's clip under the name that an existing frontend asks for. Off unless the operator turns it on, since such names can be
/// counted through.
#[utoipa::path(get, path = "/uploads/tts/{name}", tag = "audio",
    params(("name" = String, Path), ("Range" = Option<String>, Header), ("If-Range" = Option<String>, Header), ("If-None-Match" = Option<String>, Header)),
    responses((status = 200, content_type = "audio/wav"), (status = 206), (status = 304), (status = 404), (status = 416), (status = 503)))]
pub(crate) async fn alias(
    State(app): State<Arc<App>>,
    method: Method,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("there is no such file");
    let number = name.strip_prefix("q_").and_then(|name| name.strip_suffix(".wav"));
    let is_question = number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    if !app.options.legacy_audio || !is_question {
        return Err(missing());
    }
    let bytes = app.audio.open_alias(&name).await?.ok_or_else(missing)?;
    let mut response = conditional::file(&method, &headers, &bytes, &etag(&Digest::of(&bytes)), media_type(&bytes));
    cache(&mut response, "private, no-cache");
    Ok(response)
}

fn etag(digest: &Digest) -> String {
    format!("\"{digest}\"")
}

fn cache(response: &mut Response, how: &'static str) {
    if response.status().is_success() || response.status() == axum::http::StatusCode::NOT_MODIFIED {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(how));
    }
}
