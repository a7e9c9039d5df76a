//! News as server-sent events: replayed from the last number that a client has seen, then as they come.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, watch};
use viva_core::store::{self, Event, Topic};

use crate::App;
use crate::auth::Caller;
use crate::document::Sound;
use crate::problem::Problem;

/// Events in one look.
const ROUND: u32 = 100;
/// When a client is to come back after a stream has ended.
const RETRY: Duration = Duration::from_secs(2);
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Where a client goes on, and its token where it can send no header.
#[derive(Debug, Deserialize)]
pub(crate) struct From {
    /// As the header `Last-Event-ID`.
    last_event_id: Option<i64>,
}

/// An interview's news as server-sent events, from `Last-Event-ID` on, or from the beginning. Closes with the event `end` when the
/// story is over; 204 tells a client that has seen all of it not to come back.
#[utoipa::path(get, path = "/v1/interviews/{interview_id}/events", tag = "interviews", security(("bearer" = []), ("address" = [])),
    params(("interview_id" = i32, Path), ("last_event_id" = Option<i64>, Query), ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, content_type = "text/event-stream"), (status = 204), (status = 400), (status = 401), (status = 404), (status = 429), (status = 503)))]
pub(crate) async fn interview(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(interview_id): Path<i32>,
    Query(query): Query<From>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.reads(interview_id)?;
    let unit = app.store.glance().await?;
    unit.interviews().get(interview_id).await?;
    unit.rollback().await?;
    let topic = Topic::Interview(interview_id);
    let news = app.hub.watch(&topic);
    let asked = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.trim().parse().ok());
    let from = asked.or(query.last_event_id);
    let seen = from.unwrap_or(0).max(0);
    let place = app.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::unavailable("this gateway has as many streams as it may; another one may have room"))?;
    let mut reader = Reader { app, topic, news, seen, waiting: Vec::new(), over: false, _place: place };
    reader.waiting = reader.first(from.is_some()).await?;
    if from.is_some() && reader.waiting.is_empty() && reader.is_over().await? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    reader.waiting.reverse();
    Ok(streamed(reader.into_stream()))
}

pub(crate) fn streamed(messages: impl Stream<Item = Result<Message, Infallible>> + Send + 'static) -> Response {
    let mut response = Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
    let fields = response.headers_mut();
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would keep events back until its buffer is full.
    fields.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// Reads a topic for one client, no faster than the client takes it.
struct Reader {
    app: Arc<App>,
    topic: Topic,
    news: watch::Receiver<i64>,
    /// The newest number that was sent.
    seen: i64,
    /// What was read and not sent, newest first.
    waiting: Vec<Message>,
    /// Nothing comes any more.
    over: bool,
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// What the client has missed. If it is not known any more, or never was, it is told to read everything again.
    async fn first(&mut self, resumes: bool) -> Result<Vec<Message>, Problem> {
        let unit = self.app.store.read().await?;
        let head = unit.events().head(&self.topic).await?;
        let ahead = self.seen > head;
        let events = unit.events().after(&self.topic, if ahead { 0 } else { self.seen }, ROUND).await?;
        unit.rollback().await?;
        let gap = events.first().is_some_and(|first| first.seq > self.seen + 1);
        let mut messages = Vec::new();
        if ahead || (resumes && gap) {
            messages.push(Message::default().event("reset").data("{}"));
        }
        messages.extend(self.written(&events));
        Ok(messages)
    }

    fn written(&mut self, events: &[Event]) -> Vec<Message> {
        self.seen = events.last().map_or(self.seen, |last| last.seq);
        events.iter().map(message).collect()
    }

    /// Whether the report is there, or will not come, and all of it was told.
    async fn is_over(&self) -> Result<bool, store::Error> {
        let unit = self.app.store.read().await?;
        let (last, head) = (unit.events().last(&self.topic, "report.").await?, unit.events().head(&self.topic).await?);
        unit.rollback().await?;
        let told = last.is_some_and(|event| matches!(event.kind.as_str(), "report.ready" | "report.failed"));
        Ok(told && head <= self.seen)
    }

    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.waiting.pop() {
                return Some(message);
            }
            if self.over {
                return None;
            }
            match self.read_on().await {
                Ok(true) => {}
                Ok(false) => {
                    self.over = true;
                    return Some(Message::default().event("end").data("{}"));
                }
                // The client comes back with the number of the last one it got.
                Err(error) => {
                    tracing::debug!(%error, "a stream of news ends, since the database does not answer");
                    return None;
                }
            }
        }
    }

    /// Reads what is new, or waits for it. False when nothing comes any more.
    async fn read_on(&mut self) -> Result<bool, store::Error> {
        self.news.mark_unchanged();
        let unit = self.app.store.glance().await?;
        let events = unit.events().after(&self.topic, self.seen, ROUND).await?;
        unit.rollback().await?;
        let mut messages = self.written(&events);
        if !messages.is_empty() {
            messages.reverse();
            self.waiting = messages;
            return Ok(true);
        }
        if self.is_over().await? {
            return Ok(false);
        }
        tokio::select! {
            changed = self.news.changed() => Ok(changed.is_ok()),
            // The process leaves: the client comes back to another one, with the number of the last event it got.
            () = self.app.stop.cancelled() => Err(store::Error::NoRecord { table: "processes", id: "this gateway, which leaves".to_owned() }),
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<Message, Infallible>> + Send + 'static {
        metrics::gauge!("viva_sse_connections").increment(1.0);
        let hello = Message::default().comment("viva").retry(RETRY);
        let state = (Some(hello), Counted(self));
        stream::unfold(state, |(hello, mut reader)| async move {
            if let Some(hello) = hello {
                return Some((Ok(hello), (None, reader)));
            }
            let message = reader.0.next().await?;
            Some((Ok(message), (None, reader)))
        })
    }
}

/// A stream that ends is counted, however it ends.
struct Counted(Reader);

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("viva_sse_connections").decrement(1.0);
    }
}

fn message(event: &Event) -> Message {
    Message::default().id(event.seq.to_string()).event(&event.kind).data(shown(event).to_string())
}

/// What is told of an event: a clip by its address.
pub(crate) fn shown(event: &Event) -> Value {
    let mut body = if event.body.is_object() { event.body.clone() } else { json!({}) };
    if let Some(sound) = Sound::of(event) {
        body["url"] = sound.url.into();
    }
    body
}
