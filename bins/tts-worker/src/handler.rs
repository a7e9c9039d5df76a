//! `tasks.tts.synthesize`: a question's text becomes its audio file.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use viva_core::task::{Synthesize, Task};
use viva_core::{ErrorClass, TaskError};
use viva_worker::{Context, Handler};

use crate::{Error, Recipe, Studio};

/// Speaks a text and files the clip as `q_{question_id}.wav`.
///
/// The result is the platform's `{"status", "audio_size_bytes", "duration_ms"}`, the duration being that of the sound, and
/// `cached` beside them: whether the clip was there already.
#[derive(Debug, Clone)]
pub struct SynthesizeHandler {
    studio: Arc<Studio>,
    voice: String,
}

impl SynthesizeHandler {
    /// A handler whose tasks speak with `voice` where they name none.
    pub fn new(studio: Arc<Studio>, voice: impl Into<String>) -> Self {
        Self { studio, voice: voice.into() }
    }

    async fn synthesize(&self, task: &Synthesize) -> Result<Value, Error> {
        let voice = task.voice.as_deref().unwrap_or(&self.voice);
        let recipe = Recipe::new(&task.text, &task.language, voice, task.speed)?;
        let made = self.studio.clip(&recipe).await?;
        if let Some(question) = task.question_id {
            let digest = made.clip.digest.clone();
            self.studio.in_folder(move |folder| folder.alias(&format!("q_{question}.wav"), &digest)).await?;
        }
        Ok(json!({
            "status": "success",
            "audio_size_bytes": made.clip.bytes,
            "duration_ms": made.clip.duration_ms,
            "cached": made.cached,
        }))
    }
}

#[async_trait]
impl Handler for SynthesizeHandler {
    async fn handle(&self, task: Task, context: Context) -> Result<Value, TaskError> {
        let Task::Synthesize(task) = task else {
            return Err(TaskError::new(ErrorClass::Permanent, format!("{} came to the wrong handler", task.name())));
        };
        tokio::select! {
            result = self.synthesize(&task) => Ok(result?),
            () = context.cancel.cancelled() => Err(TaskError::cancelled("the worker stops before this text was spoken")),
        }
    }
}
