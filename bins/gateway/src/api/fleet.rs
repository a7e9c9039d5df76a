//! The workers, what is left behind, and what nobody could deal with.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::response::sse::Event as Message;
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use viva_celery::{DeadLetter, DeadLetters, Error as CeleryError, Which};
use viva_core::TaskError;
use viva_core::store::WorkerSession;
use viva_core::{Clock as _, SystemClock};

use super::news::streamed;
use crate::App;
use crate::auth::Caller;
use crate::problem::Problem;

const PERIOD: Duration = Duration::from_secs(2);
/// Dead letters that a view shows.
const SHOWN: usize = 50;
const LETTERS: Duration = Duration::from_secs(15);

/// The fleet at a moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Fleet {
    /// The moment, by this gateway's clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: DateTime<Utc>,
    /// Every worker, the gone ones too until they are forgotten.
    pub workers: Vec<Worker>,
    /// What gone workers left and nobody has taken up.
    pub left_behind: LeftBehind,
    /// Messages that no worker could read, oldest first; null where this gateway knows no broker.
    #[schema(value_type = Option<Vec<Object>>)]
    pub dead_letters: Value,
}

/// A worker.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Worker {
    /// Its id.
    pub id: String,
    /// Its program.
    pub name: String,
    /// It has neither left nor been declared gone.
    pub live: bool,
    /// Its models are warm.
    pub ready: bool,
    /// Signs of life so far.
    pub beat: i64,
    /// Since the last one, by the database's clock.
    pub silent_ms: i64,
    /// After which the others take it for gone.
    pub ttl_ms: u64,
    /// How far its clock is ahead of the database's; null where nobody knows.
    pub clock_ahead_ms: Option<i64>,
    /// How late it reads its mail: something else than a wrong clock.
    pub mail_lag_ms: i64,
    /// Computations that it holds.
    pub claims: i64,
    /// Numbers about its work, by the names that they have among the metrics: lanes, tokens a second, times real time.
    #[schema(value_type = Object)]
    pub gauges: serde_json::Map<String, Value>,
}

/// What nobody is answerable for at this moment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeftBehind {
    /// Claims of gone workers.
    pub orphaned_claims: i64,
    /// Messages that no live worker publishes.
    pub orphaned_letters: i64,
    /// Tasks that wait for what nobody computes.
    pub waiters_of_nobody: i64,
}

/// The workers and what is stuck.
#[utoipa::path(get, path = "/v1/fleet", tag = "fleet", security(("bearer" = [])),
    responses((status = 200, body = Fleet), (status = 401), (status = 403), (status = 429), (status = 503)))]
pub(crate) async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Fleet>, Problem> {
    caller.staff()?;
    Ok(Json(read(&app).await?))
}

/// The same every two seconds, as server-sent events of the kind `fleet`.
#[utoipa::path(get, path = "/v1/fleet/events", tag = "fleet", security(("bearer" = []), ("address" = [])),
    responses((status = 200, content_type = "text/event-stream"), (status = 401), (status = 403), (status = 429), (status = 503)))]
pub(crate) async fn watch(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Problem> {
    caller.staff()?;
    let place = app.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::unavailable("this gateway has as many streams as it may"))?;
    let messages = stream::unfold((app, place, Duration::ZERO), |(app, place, pause)| async move {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = app.stop.cancelled() => return None,
        }
        // While the database is away a reader sees how old the last picture is.
        let message = match read(&app).await {
            Ok(fleet) => Message::default().event("fleet").json_data(fleet).unwrap_or_default(),
            Err(_) => Message::default().comment("the database does not answer"),
        };
        Some((Ok(message), (app, place, PERIOD)))
    });
    Ok(streamed(messages))
}

/// Sends a dead letter once more to the queue it came from, and removes it.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/replay", tag = "fleet", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 429), (status = 503)))]
pub(crate) async fn replay(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    caller.service()?;
    app.ask_broker(async move |letters| letters.replay(&Which::Id(id), None).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a dead letter for good.
#[utoipa::path(delete, path = "/v1/dead-letters/{id}", tag = "fleet", security(("bearer" = [])), params(("id" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 429), (status = 503)))]
pub(crate) async fn remove(State(app): State<Arc<App>>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    caller.service()?;
    app.ask_broker(async move |letters| letters.drop(&Which::Id(id)).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl App {
    /// Asks the broker about its dead letters, on a thread of its own: a session with a broker is no request's business to hold up.
    async fn ask_broker<T: Send + 'static>(
        &self,
        question: impl AsyncFnOnce(&DeadLetters) -> Result<T, CeleryError> + Send + 'static,
    ) -> Result<T, Problem> {
        let letters = self.dead_letters.clone();
        let letters = letters.ok_or_else(|| Problem::not_found("this gateway knows no broker: start it with BROKER_URL"))?;
        let runtime = tokio::runtime::Handle::current();
        let asked = tokio::task::spawn_blocking(move || runtime.block_on(question(&letters))).await;
        *self.dead_seen.lock().await = None;
        asked.map_err(TaskError::transient)?.map_err(broker)
    }

    /// The dead letters, looked through at most every [`LETTERS`]: each look takes them from the queue and gives them back.
    async fn letters(&self) -> Value {
        if self.dead_letters.is_none() {
            return Value::Null;
        }
        let now = SystemClock.monotonic();
        if let Some((at, letters)) = &*self.dead_seen.lock().await
            && now.since(*at) < LETTERS
        {
            return letters.clone();
        }
        // A broker that is away hides this part only.
        let found = self.ask_broker(async |letters| letters.list(SHOWN).await).await;
        let found = found.map_or(Value::Null, |letters| Value::Array(letters.iter().map(letter).collect()));
        *self.dead_seen.lock().await = Some((now, found.clone()));
        found
    }
}

fn broker(error: CeleryError) -> Problem {
    match error {
        CeleryError::NoSuchMessage { .. } => Problem::not_found(error.to_string()),
        other => {
            tracing::warn!(error = %other, "the broker could not be asked");
            Problem::unavailable("the broker does not answer; the gateway's log has the details")
        }
    }
}

async fn read(app: &App) -> Result<Fleet, Problem> {
    let unit = app.store.read().await?;
    let (mut sessions, backlog) = (unit.worker_sessions().all().await?, unit.worker_sessions().backlog().await?);
    unit.rollback().await?;
    sessions.sort_by_key(|session| !session.live);
    Ok(Fleet {
        at: SystemClock.wall(),
        workers: sessions.into_iter().map(worker).collect(),
        left_behind: LeftBehind {
            orphaned_claims: backlog.orphaned_claims,
            orphaned_letters: backlog.orphaned_letters,
            waiters_of_nobody: backlog.waiters_of_nobody,
        },
        dead_letters: app.letters().await,
    })
}

/// Without its body, which may hold what a candidate said.
fn letter(letter: &DeadLetter) -> Value {
    serde_json::json!({
        "id": letter.id,
        "reason": letter.reason,
        "queue": letter.queue,
        "at": letter.at,
        "node": letter.node,
        "task": letter.task,
        "task_id": letter.task_id,
    })
}

fn worker(session: WorkerSession) -> Worker {
    let WorkerSession { id, name, live, beat, rhythm, vitals, silent_ms, claims, gauges } = session;
    Worker {
        id: id.as_str().to_owned(),
        name,
        live,
        ready: vitals.ready,
        beat,
        silent_ms,
        ttl_ms: rhythm.ttl.as_millis() as u64,
        clock_ahead_ms: vitals.clock_ahead_ms,
        mail_lag_ms: vitals.mail_lag_ms,
        claims,
        gauges,
    }
}
