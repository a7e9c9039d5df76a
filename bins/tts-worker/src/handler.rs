//! `tasks.tts.synthesize`: a question's text becomes its audio file.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use viva_core::store::{Clip, Session};
use viva_core::task::Task;
use viva_core::{Digest, ErrorClass, TaskError};
use viva_speech::text::Dictionary;
use viva_worker::{Answer, Context, Flight, Handler, Step, Work};

use crate::{Recipe, Studio};

/// How long the voice may take for a piece of a text, the model's loading included: a hundred times what a slow machine needs.
const PIECE: Duration = Duration::from_mins(5);

/// Speaks a text and files the clip as `q_{question_id}.wav`.
///
/// The result is the platform's `{"status", "audio_size_bytes", "duration_ms"}`, the duration being that of the sound, and
/// `cached` beside them: whether the clip was there already.
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
        let recipe = Recipe::new(&speak.text, &speak.language, voice, speak.speed, &self.dictionary)?;
        let computation = recipe.computation();
        let speaking = Speaking { studio: &self.studio, recipe, computation: computation.clone() };
        self.flight.fly(&speaking, &computation, &task, &context).await
    }
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
    async fn show(&self, _: &Session, task: &Task, clip: &Clip) -> Result<(), TaskError> {
        let Some(name) = self.target(task) else { return Ok(()) };
        Ok(self.studio.alias(&name, clip).await?)
    }

    fn answer(&self, _: &Task, clip: &Clip, cached: bool) -> Value {
        json!({
            "status": "success",
            "audio_size_bytes": clip.bytes,
            "duration_ms": clip.duration_ms,
            "cached": cached,
        })
    }
}
