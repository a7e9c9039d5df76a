//! `tasks.tts.synthesize`: a question's text becomes its audio file.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use viva_core::digest::sha256_hex;
use viva_core::store::{Clip, Session};
use viva_core::task::{Synthesize, Task};
use viva_core::{Digest, ErrorClass, TaskError};
use viva_speech::audio::{Format, Output};
use viva_speech::text::Dictionary;
use viva_worker::{Answer, Context, Flight, Handler, Step, Work};

use crate::{Recipe, Studio};

/// How long the voice may take for a piece of a text, the model's loading included: a hundred times what a slow machine needs.
const PIECE: Duration = Duration::from_mins(5);

/// Speaks a text and files the clip as `q_{question_id}.wav`.
///
/// The result is the platform's `{"status", "audio_size_bytes", "duration_ms"}`, the duration being that of the sound, and
/// beside them `cached`, whether the clip was there already, and `sha256`, the
/// name by which the gateway serves it.
#[derive(Debug, Clone)]
pub struct SynthesizeHandler {
    studio: Arc<Studio>,
    flight: Flight,
    voice: String,
    dictionary: Dictionary,
}

impl SynthesizeHandler {
    /// A handler whose tasks speak with `voice` where they name none.
    pub fn new(studio: Arc<Studio>, flight: Flight, voice: impl Into<String>) -> Self {
        Self { studio, flight, voice: voice.into(), dictionary: Dictionary::default() }
    }

    /// The same with readings of its own.
    #[must_use]
    pub fn with_dictionary(self, dictionary: Dictionary) -> Self {
        Self { dictionary, ..self }
    }
}

#[async_trait]
impl Handler for SynthesizeHandler {
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let Task::Synthesize(speak) = &task else {
            return Err(TaskError::new(ErrorClass::Permanent, format!("{} came to the wrong handler", task.name())));
        };
        let voice = speak.voice.as_deref().unwrap_or(&self.voice);
        let recipe = Recipe::new(&speak.text, &speak.language, voice, speak.speed, &self.dictionary)?.written_as(output(speak)?);
        let computation = recipe.computation();
        let speaking = Speaking { studio: &self.studio, recipe, computation: computation.clone() };
        self.flight.fly(&speaking, &computation, &task, &context).await
    }
}

/// How a task wants its clip written down.
fn output(speak: &Synthesize) -> Result<Output, TaskError> {
    let Some(name) = &speak.format else { return Ok(Output::default()) };
    let format: Format = name.parse().map_err(crate::Error::Speech)?;
    if speak.question_id.is_some() && format != Format::Wav {
        return Err(TaskError::permanent(format!("a question's file is a WAV: ask for {format} without a question_id")));
    }
    Ok(Output::new(format, viva_speech::SAMPLE_RATE).map_err(crate::Error::Speech)?)
}

/// A text on its way to a clip.
struct Speaking<'s> {
    studio: &'s Studio,
    recipe: Recipe,
    computation: Digest,
}

#[async_trait]
impl Work for Speaking<'_> {
    type Output = Clip;

    async fn find(&self, unit: &Session) -> Result<Option<Clip>, TaskError> {
        Ok(unit.speech_clips().find(&self.computation).await?)
    }

    async fn is_sound(&self, clip: &Clip) -> Result<bool, TaskError> {
        Ok(self.studio.is_sound(clip).await?)
    }

    async fn compute(&self, cancel: &CancellationToken) -> Result<Clip, TaskError> {
        tokio::select! {
            made = self.studio.speak(&self.recipe) => Ok(made?),
            () = cancel.cancelled() => Err(TaskError::cancelled("the worker stops before this text was spoken")),
        }
    }

    fn budget(&self) -> Duration {
        PIECE
    }

    async fn compute_ticking(&self, cancel: &CancellationToken, step: &Step) -> Result<Clip, TaskError> {
        step.follow(|| self.studio.steps(), self.compute(cancel)).await
    }

    async fn keep(&self, unit: &Session, made: Clip) -> Result<Clip, TaskError> {
        Ok(crate::studio::record(unit, &made).await?)
    }

    fn target(&self, task: &Task) -> Option<String> {
        match task {
            Task::Synthesize(task) => task.question_id.map(|id| format!("q_{id}.wav")),
            _ => None,
        }
    }

    /// The file moves while its target is held: of two tasks for one question the later one moves it last.
    async fn show(&self, unit: &Session, task: &Task, clip: &Clip) -> Result<(), TaskError> {
        let (Some(name), Task::Synthesize(Synthesize { text, question_id: Some(question_id), .. })) = (self.target(task), task) else {
            return Ok(());
        };
        self.studio.alias(&name, clip).await?;
        let news = json!({
            "question_id": question_id,
            "digest": clip.digest.as_str(),
            "bytes": clip.bytes,
            "duration_ms": clip.duration_ms,
            // By which whoever edits a question knows that its old sound is of no use.
            "text_sha256": sha256_hex(text.as_bytes()),
        });
        Ok(unit.tell_of_question(*question_id, "speech.ready", news).await?)
    }

    fn answer(&self, _: &Task, clip: &Clip, cached: bool) -> Value {
        json!({
            "status": "success",
            "audio_size_bytes": clip.bytes,
            "duration_ms": clip.duration_ms,
            "cached": cached,
            "sha256": clip.digest.as_str(),
        })
    }
}
