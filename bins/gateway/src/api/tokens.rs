//! Short-lived tokens, for browsers.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use viva_core::{Clock as _, SystemClock};

use crate::App;
use crate::auth::{Caller, Role};
use crate::problem::Problem;
use crate::reading::Body;

/// The longest that such a token lasts, in seconds.
const LONGEST_S: u64 = 3600;

/// What a token is to allow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// At most the caller's own.
    pub role: Role,
    /// The interview, for a candidate's.
    pub interview_id: Option<i32>,
    /// Seconds that it lasts, 1 to 3600; 300 unless told.
    #[schema(minimum = 1, maximum = 3600)]
    pub ttl_s: Option<u64>,
}

/// A token.
#[derive(Debug, Serialize, ToSchema)]
#[allow(clippy::struct_field_names, reason = "the names of the interface")]
pub(crate) struct Token {
    /// To be sent as `Authorization: Bearer`, or, on the routes of news, as `?access_token=`.
    pub token: String,
    /// What it allows.
    pub role: Role,
    /// The interview, for a candidate's.
    pub interview_id: Option<i32>,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: DateTime<Utc>,
}

/// Makes a short-lived token that allows no more than the caller's own.
#[utoipa::path(post, path = "/v1/tokens", tag = "tokens", security(("bearer" = [])), request_body = NewToken,
    responses((status = 201, body = Token), (status = 400), (status = 401), (status = 403), (status = 413), (status = 415), (status = 422), (status = 429)))]
pub(crate) async fn create(State(app): State<Arc<App>>, caller: Caller, Body(asked): Body<NewToken>) -> Result<Response, Problem> {
    if (asked.role == Role::Candidate) != asked.interview_id.is_some() {
        return Err(Problem::unprocessable("bad-token", "interview_id belongs to the role candidate, and it alone"));
    }
    let ttl_s = asked.ttl_s.unwrap_or(300);
    if !(1..=LONGEST_S).contains(&ttl_s) {
        return Err(Problem::unprocessable("bad-token", format!("ttl_s is 1 to {LONGEST_S}")));
    }
    let reaches = match caller.role {
        Role::Service => true,
        Role::Recruiter => asked.role != Role::Service,
        Role::Candidate => asked.role == Role::Candidate && asked.interview_id == caller.interview_id,
    };
    // One that lasts could otherwise be had from one that ends, again and again.
    if !reaches || (caller.short_lived && asked.role != caller.role) {
        return Err(Problem::forbidden("a token allows no more than the one it is asked for with"));
    }
    let expires_at = SystemClock.wall() + Duration::from_secs(ttl_s);
    let minted = Caller { role: asked.role, interview_id: asked.interview_id, subject: caller.subject, short_lived: true };
    let token = app.key.mint(&minted, expires_at);
    let body = Token { token, role: asked.role, interview_id: asked.interview_id, expires_at };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response())
}
