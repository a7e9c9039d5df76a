//! Speech as OpenAI's clients ask for it, over the same single flight as everything else.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::sse::Event as Message;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use viva_core::audio::media_type;
use viva_core::store::{Event, Topic};
use viva_core::task::{Synthesize, Task};
use viva_core::{Digest, ErrorClass};

use super::models::SPEECH;
use super::news::streamed;
use crate::App;
use crate::auth::Caller;
use crate::problem::Problem;
use crate::reading::Body;

/// The API's own bound.
const CHARS: usize = 4096;
/// What a client waits for at most; a text that takes longer is there when it asks again.
const PATIENCE: Duration = Duration::from_mins(2);
/// Bytes in one event of a stream.
const DELTA: usize = 32 * 1024;
/// The formats that there are: MP3 and AAC have no encoder that is both permissive and kept up.
const FORMATS: [&str; 4] = ["wav", "flac", "opus", "pcm"];
/// Voices of OpenAI: a client that names one gets the workers' own.
const THEIRS: [&str; 13] =
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"];

/// A request for speech.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewSpeech {
    /// One of `/v1/models`.
    pub model: String,
    /// What to say: 1 to 4096 characters.
    #[schema(min_length = 1, max_length = 4096)]
    pub input: String,
    /// A voice of `tts-worker voices`, a blend of them, or one of OpenAI's names, which stands for the workers' default.
    pub voice: Voice,
    /// wav, flac, opus or pcm (16 bit, 24 kHz).
    pub response_format: Option<String>,
    /// 0.5 to 2.0.
    pub speed: Option<f64>,
    /// Taken and not followed: the voice has no moods.
    #[allow(dead_code, reason = "clients send it")]
    pub instructions: Option<String>,
    /// `audio`, or `sse` for events with base64.
    pub stream_format: Option<String>,
}

/// A name, or an object that holds one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Voice {
    /// By name.
    Name(String),
    /// As newer clients send it.
    Id {
        /// The name.
        id: String,
    },
}

/// Speaks a text. The same text in the same voice is computed once, however many ask.
#[utoipa::path(post, path = "/v1/audio/speech", tag = "openai", security(("bearer" = [])), request_body = NewSpeech,
    responses((status = 200, content_type = "audio/wav"), (status = 400), (status = 401), (status = 403), (status = 404), (status = 413), (status = 415), (status = 422), (status = 429), (status = 503), (status = 504)))]
pub(crate) async fn create(State(app): State<Arc<App>>, caller: Caller, Body(asked): Body<NewSpeech>) -> Result<Response, Problem> {
    caller.service()?;
    let streams = match asked.stream_format.as_deref() {
        None | Some("audio") => false,
        Some("sse") => true,
        Some(other) => return Err(refused("stream_format", format!("stream_format is audio or sse, not {other:?}"))),
    };
    let (task, format) = task(&app, asked)?;
    let bytes = speak(&app, &task).await?;
    if streams {
        return Ok(events(&bytes));
    }
    // Bare samples have nothing to be known by.
    let kind = if format == "pcm" { "audio/pcm" } else { media_type(&bytes) };
    let mut response = bytes.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

fn task(app: &App, asked: NewSpeech) -> Result<(Task, String), Problem> {
    if !SPEECH.contains(&asked.model.as_str()) {
        let detail = format!("there is no model {:?}; there are {}", asked.model, SPEECH.join(", "));
        return Err(Problem::not_found(&detail).with("error", error("model", &detail)));
    }
    if asked.input.trim().is_empty() || asked.input.chars().count() > CHARS {
        return Err(refused("input", format!("input has 1 to {CHARS} characters")));
    }
    let format = asked.response_format.unwrap_or_else(|| app.options.response_format.clone());
    if !FORMATS.contains(&format.as_str()) {
        let there = FORMATS.join(", ");
        return Err(refused(
            "response_format",
            format!("{format:?} cannot be had; there are {there}. Without response_format: {}", app.options.response_format),
        ));
    }
    let speed = asked.speed.unwrap_or(1.0);
    if !(0.5..=2.0).contains(&speed) {
        return Err(refused("speed", "speed is 0.5 to 2.0".to_owned()));
    }
    let (Voice::Name(voice) | Voice::Id { id: voice }) = asked.voice;
    let voice = Some(voice).filter(|voice| !THEIRS.contains(&voice.as_str()));
    let format_asked = Some(format.clone()).filter(|format| format != "wav");
    let task = Synthesize { text: asked.input, language: "auto".to_owned(), speed, question_id: None, voice, format: format_asked };
    Ok((Task::Synthesize(task), format))
}

/// The clip of a task, when somebody has made it.
async fn speak(app: &App, task: &Task) -> Result<Bytes, Problem> {
    let message = task.to_message();
    let inputs = [("args", serde_json::json!(message.args).to_string()), ("kwargs", serde_json::json!(message.kwargs).to_string())];
    let what = Digest::of_computation("speech", &inputs.each_ref().map(|(name, value)| (*name, value.as_str())));
    let job = app.ask(what.as_str(), task).await?;
    let topic = Topic::Job(job);
    let mut news = app.hub.watch(&topic);
    let ended = async {
        loop {
            let unit = app.store.glance().await?;
            let ended = unit.events().last(&topic, "job.").await?;
            unit.rollback().await?;
            if let Some(ended) = ended {
                return Ok::<_, Problem>(ended);
            }
            if news.changed().await.is_err() {
                return Err(Problem::unavailable("this gateway leaves"));
            }
        }
    };
    let ended = tokio::select! {
        ended = tokio::time::timeout(PATIENCE, ended) => ended.map_err(|_| late())??,
        () = app.stop.cancelled() => return Err(Problem::unavailable("this gateway leaves")),
    };
    let digest = clip(&ended)?;
    let bytes = app.audio.open(&digest).await?;
    bytes.ok_or_else(|| Problem::unavailable("the clip was made and is not there; ask again"))
}

fn late() -> Problem {
    let detail = "the text is not spoken yet: is a tts-worker running? It goes on; ask again for the same";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "late", detail).retry_after(10)
}

fn clip(ended: &Event) -> Result<Digest, Problem> {
    let digest = ended.body.get("result").and_then(|result| result.get("sha256")).and_then(Value::as_str);
    if let Some(digest) = digest.and_then(|digest| digest.parse().ok()) {
        return Ok(digest);
    }
    let message = ended.body.get("message").and_then(Value::as_str).unwrap_or("the worker said nothing about the clip");
    match serde_json::from_value(ended.body.get("class").cloned().unwrap_or_default()) {
        Ok(ErrorClass::Permanent) => Err(refused("input", message.to_owned())),
        _ => Err(Problem::unavailable(format!("the text could not be spoken: {message}"))),
    }
}

/// The sound in events, as OpenAI's clients read them.
fn events(bytes: &Bytes) -> Response {
    let deltas: Vec<_> = bytes
        .chunks(DELTA)
        .map(|part| json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(part) }))
        .chain([json!({ "type": "speech.audio.done", "usage": { "input_tokens": 0, "output_tokens": 0, "total_tokens": 0 } })])
        .collect();
    streamed(stream::iter(deltas).map(|event| Ok(Message::default().data(event.to_string()))))
}

/// A problem that OpenAI's clients can read as well.
fn refused(parameter: &str, detail: String) -> Problem {
    let error = error(parameter, &detail);
    Problem::new(StatusCode::BAD_REQUEST, "bad-parameter", detail).with("error", error)
}

fn error(parameter: &str, detail: &str) -> Value {
    json!({ "message": detail, "type": "invalid_request_error", "param": parameter, "code": null })
}
