//! Clips: made once, kept by digest, found again by what determines them.
//!
//! Owns the way from a recipe to a kept file and its record. Promises that no unit of work is open while the voice speaks, and
//! that a clip counts only if its file is there and sound. That workers do not speak the same text at once is the business of
//! [`viva_worker::Flight`].

use std::sync::Arc;

use viva_core::audio::Audio;
use viva_core::store::{self, Clip, Session, Store};
use viva_core::{Clock, gauges};
use viva_speech::Speech;
use viva_speech::audio::Output;
use viva_speech::text::Dictionary;

use crate::{Error, Recipe, Voice};

/// A voice with a memory.
#[derive(Debug)]
pub struct Studio {
    store: Store,
    audio: Audio,
    voice: Voice,
    clock: Arc<dyn Clock>,
}

/// A clip, and whether it was there before it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The record.
    pub clip: Clip,
    /// No inference was needed.
    pub cached: bool,
}

impl Studio {
    /// A studio that records in `store` and keeps files in `audio`.
    pub fn new(store: Store, audio: Audio, voice: Voice, clock: Arc<dyn Clock>) -> Self {
        Self { store, audio, voice, clock }
    }

    /// Where the files are.
    pub fn audio(&self) -> &Audio {
        &self.audio
    }

    /// The clip of a recipe, spoken if there is none: for a person at a terminal, who is no worker among others.
    pub async fn clip(&self, recipe: &Recipe) -> Result<Made, Error> {
        let computation = recipe.computation();
        let session = self.store.read().await?;
        let known = session.speech_clips().find(&computation).await?;
        session.rollback().await?;
        if let Some(clip) = known
            && self.is_sound(&clip).await?
        {
            return Ok(Made { clip, cached: true });
        }
        let made = self.speak(recipe).await?;
        let session = self.store.write().await?;
        let clip = record(&session, &made).await?;
        session.commit().await?;
        Ok(Made { clip, cached: false })
    }

    /// Has the voice say a word that nobody hears, so that the first text need not wait for the model.
    pub async fn warm(&self, voice: &str) -> Result<(), Error> {
        self.voice.speak(Recipe::new("네.", "ko", voice, 1.0, &Dictionary::default())?).await.map(drop)
    }

    /// Speaks a recipe and keeps the file. Records nothing.
    pub(crate) async fn speak(&self, recipe: &Recipe) -> Result<Clip, Error> {
        let begun = self.clock.monotonic();
        let speech = self.voice.speak(recipe.clone()).await?;
        // With the wait for whoever spoke before: what an asker has of it.
        let took_s = self.clock.monotonic().since(begun).as_secs_f64();
        metrics::histogram!("viva_speech_seconds").record(took_s);
        metrics::counter!("viva_speech_audio_milliseconds_total").increment((speech.seconds() * 1e3) as u64);
        gauges::set("tts-worker", "viva_speech_x_real_time", (speech.seconds() / took_s * 100.0).round() / 100.0);
        self.keep(recipe, speech).await
    }

    /// How many pieces of text the voice has spoken so far, of anybody's.
    pub(crate) fn steps(&self) -> u64 {
        self.voice.steps()
    }

    /// Whether the clip's file is there and holds what was recorded.
    pub(crate) async fn is_sound(&self, clip: &Clip) -> Result<bool, Error> {
        Ok(self.audio.open(&clip.digest).await?.is_some())
    }

    /// Makes `name` the clip's public file.
    pub(crate) async fn alias(&self, name: &str, clip: &Clip) -> Result<(), Error> {
        if self.audio.alias(name, &clip.digest).await? {
            metrics::counter!("viva_audio_renames_total").increment(1);
        }
        Ok(())
    }

    async fn keep(&self, recipe: &Recipe, speech: Speech) -> Result<Clip, Error> {
        let duration_ms = speech.seconds() * 1e3;
        let file = encode(recipe.output, speech).await?;
        let bytes = file.len() as u64;
        let digest = self.audio.put(file).await?;
        Ok(Clip { computation: recipe.computation(), digest, bytes, duration_ms, created_at_ms: self.clock.wall_ms() })
    }
}

/// Encodes off the runtime's threads.
async fn encode(output: Output, speech: Speech) -> Result<Vec<u8>, Error> {
    Ok(tokio::task::spawn_blocking(move || output.encode(&speech)).await.map_err(|_| Error::Crashed)??)
}

/// Records a clip; one that stands in its place has lost its file, or else it would not have been made again.
pub(crate) async fn record(unit: &Session, made: &Clip) -> Result<Clip, store::Error> {
    let stands = unit.speech_clips().record(made).await?;
    if stands.digest == made.digest { Ok(stands) } else { unit.speech_clips().replace(&stands.digest, made).await }
}
