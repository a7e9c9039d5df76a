//! Who asks, and how far their token reaches. Whatever is not allowed here is refused.
//!
//! Two kinds of tokens: those of a file, which the operator gives out and this process knows by their SHA-256 only; and short-lived
//! ones that carry what they allow, signed with a key that all replicas share (HMAC-SHA-256). A browser's `EventSource` can send no
//! header, so these may stand in the address, on the routes of news alone.

mod file;
mod minted;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use viva_core::store::Store;

pub use file::{FileError, Tokens};
pub use minted::{Key, KeyError};

use crate::problem::Problem;
use crate::{App, limit};

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The platform's own servers: everything.
    Service,
    /// People who judge: reads everything, asks for what is missing, reviews.
    Recruiter,
    /// One interview: reads that one.
    Candidate,
}

impl Role {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Recruiter => "recruiter",
            Self::Candidate => "candidate",
        }
    }
}

/// Whoever sent a request with a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// What it may do.
    pub role: Role,
    /// The interview, for a candidate.
    pub interview_id: Option<i32>,
    /// A name for logs, limits and reviews.
    pub subject: String,
    /// Ends soon by itself, so that it may stand in an address.
    pub short_lived: bool,
}

impl Caller {
    /// Servers only.
    pub fn service(&self) -> Result<(), Problem> {
        match self.role {
            Role::Service => Ok(()),
            _ => Err(Problem::forbidden("this takes a token of the role service")),
        }
    }

    /// Servers and recruiters.
    pub fn staff(&self) -> Result<(), Problem> {
        match self.role {
            Role::Service | Role::Recruiter => Ok(()),
            Role::Candidate => Err(Problem::forbidden("this takes a token of the role service or recruiter")),
        }
    }

    /// Whoever may read this interview. Another's does not exist for a candidate.
    pub fn reads(&self, interview_id: i32) -> Result<(), Problem> {
        match self.role {
            Role::Candidate if self.interview_id != Some(interview_id) => {
                Err(Problem::not_found(format!("there is no interview {interview_id} that this token may read")))
            }
            _ => Ok(()),
        }
    }

    /// Whoever may hear this question: a candidate if it was asked in their interview.
    pub async fn hears(&self, store: &Store, question_id: i32) -> Result<(), Problem> {
        let Some(own) = self.interview_id.filter(|_| self.role == Role::Candidate) else { return Ok(()) };
        let unit = store.glance().await?;
        let asked = unit.transcripts().asks(own, question_id).await?;
        unit.rollback().await?;
        if asked {
            return Ok(());
        }
        Err(Problem::not_found(format!("there is no question {question_id} that this token may hear")))
    }
}

/// The caller of a guarded route. A route that is not guarded has none, and fails: it is refused by default.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| Problem::unauthorized("this needs a bearer token"))
    }
}

/// Lets a request pass that has a valid token and has not asked too often.
pub(crate) async fn guard(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let caller = match identify(&app, request.headers(), request.uri()) {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    if let Err(problem) = limit::check(&app, &caller) {
        return problem.into_response();
    }
    request.extensions_mut().insert(caller);
    next.run(request).await
}

fn identify(app: &App, headers: &HeaderMap, uri: &axum::http::Uri) -> Result<Caller, Problem> {
    if let Some(token) = bearer(headers)? {
        return app.caller(token).ok_or_else(|| Problem::unauthorized("the token is not known, or has expired"));
    }
    let Some(token) = in_address(uri) else {
        return Err(Problem::unauthorized("this needs a token: Authorization: Bearer ..."));
    };
    let caller = app.caller(&token).filter(|caller| caller.short_lived);
    caller.ok_or_else(|| Problem::unauthorized("the token in the address is not known, has expired, or is no short-lived one"))
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| Problem::unauthorized("the header Authorization cannot be read"))?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Problem::unauthorized("the header Authorization is not of the form Bearer ...")),
    }
}

/// On the routes of news only.
fn in_address(uri: &axum::http::Uri) -> Option<String> {
    if !uri.path().ends_with("/events") {
        return None;
    }
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == "access_token").map(|(_, token)| token.to_owned()).next()
}
