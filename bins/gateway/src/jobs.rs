//! Requests that become jobs: one job whoever asks, and an estimate of when it is done, from what the last ones took.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;
use viva_core::clock::Moment;
use viva_core::task::Task;
use viva_core::{Clock as _, Digest, SystemClock};
use viva_worker::{Asked, Dispatcher};

use crate::App;
use crate::auth::Caller;
use crate::problem::Problem;

/// For so long a request for the same needs no look into the database: somebody asked a moment ago.
const MEMORY: Duration = Duration::from_millis(500);
/// For so long an estimate counts.
const ESTIMATE: Duration = Duration::from_secs(5);
/// Finished jobs that an estimate is made from.
const SAMPLE: u32 = 20;
/// What is said where nothing has been measured yet.
const UNKNOWN_S: u64 = 5;
/// A name longer than this is no name.
const KEY_CHARS: usize = 255;

/// A job on its way.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// `pending`.
    pub state: &'static str,
    /// The job's id.
    pub job: String,
    /// Where its result will be.
    pub location: String,
}

/// What kind of job, for its estimate: the news at its beginning and at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Report,
    Speech,
    Resume,
    Answer,
}

impl Kind {
    fn news(self) -> (&'static str, &'static str) {
        match self {
            Self::Report => ("report.requested", "report.ready"),
            Self::Speech => ("speech.requested", "speech.ready"),
            Self::Resume => ("resume.requested", "resume.ready"),
            Self::Answer => ("answer.requested", "answer.evaluated"),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Jobs {
    /// What was asked for a moment ago.
    asked: Mutex<HashMap<String, (Moment, String)>>,
    estimates: Mutex<HashMap<Kind, (Moment, u64)>>,
}

impl Jobs {
    /// Forgets what was asked long ago.
    pub(crate) fn prune(&self) {
        let now = SystemClock.monotonic();
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, (at, _)| now.since(*at) < MEMORY);
    }
}

impl App {
    /// The job that somebody asked for a moment ago, by the name of what was asked.
    pub(crate) fn asked(&self, what: &str) -> Option<String> {
        let asked = self.jobs.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, job) = asked.get(what)?;
        (SystemClock.monotonic().since(*at) < MEMORY).then(|| job.clone())
    }

    /// Asks for a task, named by what it is about; its job's id. Of many who ask for one at once, here and elsewhere, one sends it.
    pub(crate) async fn ask(&self, what: &str, task: &Task) -> Result<String, Problem> {
        let joined = metrics::counter!("viva_jobs_joined_total", "task" => task.name());
        if let Some(job) = self.asked(what) {
            joined.increment(1);
            return Ok(job);
        }
        let job = match Dispatcher::new(self.store.clone()).ask(task).await? {
            Asked::Published(job) => {
                metrics::counter!("viva_jobs_published_total", "task" => task.name()).increment(1);
                job
            }
            Asked::Before(job) => {
                joined.increment(1);
                job
            }
        };
        let asked = (SystemClock.monotonic(), job.clone());
        self.jobs.asked.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned(), asked);
        Ok(job)
    }

    /// 202, with where the result will be and when to look.
    pub(crate) async fn accepted(&self, kind: Kind, job: String, location: String) -> Result<Response, Problem> {
        let wait_s = self.estimate_s(kind).await?;
        let place = HeaderValue::from_str(&location).map_err(|_| Problem::bad_request("the address cannot be written down"))?;
        let mut response = (StatusCode::ACCEPTED, Json(Accepted { state: "pending", job, location })).into_response();
        response.headers_mut().insert(header::LOCATION, place);
        response.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
        Ok(response)
    }

    /// Seconds that such a job takes: the median of the last ones, between 1 and an hour.
    async fn estimate_s(&self, kind: Kind) -> Result<u64, Problem> {
        let now = SystemClock.monotonic();
        if let Some((at, seconds)) = self.jobs.estimates.lock().unwrap_or_else(PoisonError::into_inner).get(&kind)
            && now.since(*at) < ESTIMATE
        {
            return Ok(*seconds);
        }
        let (begun, ended) = kind.news();
        let unit = self.store.glance().await?;
        let mut took = unit.events().took(begun, ended, SAMPLE).await?;
        unit.rollback().await?;
        took.sort_unstable();
        let seconds = took.get(took.len() / 2).map_or(UNKNOWN_S, |median| (median.as_secs_f64().ceil() as u64).clamp(1, 3600));
        self.jobs.estimates.lock().unwrap_or_else(PoisonError::into_inner).insert(kind, (now, seconds));
        Ok(seconds)
    }

    /// Holds a client to the name that it gave its request: the same name asks for the same.
    pub(crate) async fn idempotent(&self, caller: &Caller, headers: &HeaderMap, what: &str) -> Result<(), Problem> {
        let Some(value) = headers.get("idempotency-key") else { return Ok(()) };
        let name = value.to_str().ok().map(|name| name.trim().trim_matches('"'));
        let Some(name) = name.filter(|name| !name.is_empty() && name.len() <= KEY_CHARS) else {
            return Err(Problem::bad_request(format!("Idempotency-Key is a text of 1 to {KEY_CHARS} ASCII characters")));
        };
        let unit = self.store.write().await?;
        let agrees = unit.idempotency_keys().note(&caller.subject, name, &Digest::of(what.as_bytes())).await?;
        unit.commit().await?;
        if agrees {
            return Ok(());
        }
        Err(Problem::unprocessable("idempotency-key-reused", "this Idempotency-Key was used for another request"))
    }
}
