//! Every error as RFC 9457 `application/problem+json`: what was wrong, where, and what to do.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use viva_core::error::Classified as _;
use viva_core::{ErrorClass, TaskError, audio, store};

/// A refusal or failure, as its reader gets it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    /// Stable, for programs: the end of `type`.
    code: &'static str,
    detail: String,
    retry_after_s: Option<u64>,
    /// Members beside the standard ones. Boxed: results are as large as their errors.
    more: Option<Box<Map<String, Value>>>,
}

impl Problem {
    /// A problem of a status; `code` names its kind for programs, `detail` says it to people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after_s: None, more: None }
    }

    /// The request cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail)
    }

    /// The request can be read, and cannot be met.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// Nothing is there, or nothing that this caller may know of.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    /// The token does not reach so far.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// There is no valid token.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    /// Later it may be otherwise.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(2)
    }

    /// When to come again, in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// A member beside the standard ones.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// As it is written.
    pub fn document(&self) -> Value {
        let mut document = json!({
            "type": format!("urn:viva:problem:{}", self.code),
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "retryable": self.retry_after_s.is_some(),
        });
        if let (Some(members), Some(more)) = (document.as_object_mut(), &self.more) {
            members.extend((**more).clone());
        }
        document
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.document().to_string();
        let mut response = (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        match &error {
            store::Error::NotFound { .. } | store::Error::NoRecord { .. } => Self::not_found(error.to_string()),
            _ => TaskError::from(error).into(),
        }
    }
}

impl From<audio::Error> for Problem {
    fn from(error: audio::Error) -> Self {
        match error.class() {
            ErrorClass::Permanent => Self::bad_request(error.to_string()),
            _ => TaskError::from(error).into(),
        }
    }
}

/// What is ours alone is told to the log; whoever asked learns that it was not them.
impl From<TaskError> for Problem {
    fn from(error: TaskError) -> Self {
        match error.class() {
            ErrorClass::Permanent => Self::unprocessable("refused", error.chain()),
            ErrorClass::Unavailable | ErrorClass::Transient | ErrorClass::LostClaim | ErrorClass::Cancelled => {
                tracing::warn!(error = error.chain(), "a request could not be met for now");
                Self::unavailable("the database or the audio store does not answer; the gateway's log has the details")
            }
            ErrorClass::Poison => {
                tracing::error!(error = error.chain(), "a request failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "something is wrong here; the gateway's log has the details")
            }
        }
    }
}
