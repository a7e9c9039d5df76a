//! Clips: made once, kept by digest, found again by what determines them.
//!
//! Owns the order of store and voice: look in a short session, close it, speak, keep the file, record it in another session.
//! Promises that a clip counts only if its file is there and sound, and that within this process no text is spoken twice.

use std::sync::Arc;

use tokio::sync::Mutex;
use viva_core::audio::Folder;
use viva_core::store::{Clip, Store};
use viva_core::{Clock, Digest};
use viva_speech::{Speech, wav};

use crate::{Error, Recipe, Voice};

/// A voice with a memory.
#[derive(Debug)]
pub struct Studio {
    store: Store,
    folder: Folder,
    voice: Voice,
    clock: Arc<dyn Clock>,
    /// Held while a text is spoken. The engine takes one at a time anyway; whoever waits here looks again before speaking.
    turn: Mutex<()>,
}

/// A clip, and whether it was there before it was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// The record.
    pub clip: Clip,
    /// No inference was needed.
    pub cached: bool,
}

/// What the store knows of a computation.
enum Known {
    Sound(Clip),
    /// Recorded, but the file is missing or damaged.
    Lost(Digest),
    Nothing,
}

impl Studio {
    /// A studio that records in `store` and keeps files in `folder`.
    pub fn new(store: Store, folder: Folder, voice: Voice, clock: Arc<dyn Clock>) -> Self {
        Self { store, folder, voice, clock, turn: Mutex::new(()) }
    }

    /// The folder with the files.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The clip of a recipe, spoken if there is none.
    pub async fn clip(&self, recipe: &Recipe) -> Result<Made, Error> {
        let computation = recipe.computation();
        if let Known::Sound(clip) = self.known(&computation).await? {
            return Ok(Made { clip, cached: true });
        }
        let _turn = self.turn.lock().await;
        let lost = match self.known(&computation).await? {
            Known::Sound(clip) => return Ok(Made { clip, cached: true }),
            Known::Lost(digest) => Some(digest),
            Known::Nothing => None,
        };
        let speech = self.voice.speak(recipe.clone()).await?;
        let clip = self.keep(computation, speech).await?;
        let session = self.store.write().await?;
        let clip = match lost {
            Some(lost) => session.speech_clips().replace(&lost, &clip).await?,
            None => session.speech_clips().record(&clip).await?,
        };
        session.commit().await?;
        Ok(Made { clip, cached: false })
    }

    async fn known(&self, computation: &Digest) -> Result<Known, Error> {
        let session = self.store.read().await?;
        let clip = session.speech_clips().find(computation).await?;
        session.rollback().await?;
        let Some(clip) = clip else { return Ok(Known::Nothing) };
        let digest = clip.digest.clone();
        let file = self.in_folder(move |folder| folder.open(&digest)).await?;
        Ok(if file.is_some() { Known::Sound(clip) } else { Known::Lost(clip.digest) })
    }

    async fn keep(&self, computation: Digest, speech: Speech) -> Result<Clip, Error> {
        let duration_ms = speech.seconds() * 1e3;
        let (digest, bytes) = self
            .in_folder(move |folder| {
                let bytes = wav::encode(&speech)?;
                Ok::<_, Error>((folder.put(&bytes)?, bytes.len() as u64))
            })
            .await?;
        Ok(Clip { computation, digest, bytes, duration_ms, created_at_ms: self.clock.wall_ms() })
    }

    /// Runs blocking work on the folder off the async threads.
    pub(crate) async fn in_folder<T: Send + 'static, E: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Error>
    where
        Error: From<E>,
    {
        let folder = self.folder.clone();
        let done = tokio::task::spawn_blocking(move || work(&folder)).await;
        Ok(done.map_err(|_| Error::Crashed)??)
    }
}
