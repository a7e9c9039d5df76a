//! A database, a folder and the real voice.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tts_worker::{Error, Studio, SynthesizeHandler, Voice};
use viva_core::audio::Audio;
use viva_core::claim::WorkerId;
use viva_core::store::{self, Store};
use viva_core::task::{SYNTHESIZE, TaskMessage};
use viva_core::{SystemClock, Task, TaskError};
use viva_speech::{Kokoro, KokoroFiles};
use viva_worker::{Answer, Context, Flight, Handler as _};

pub(crate) fn files() -> KokoroFiles {
    let files = viva_testkit::model("kokoro");
    let role = |role| files.file(role).unwrap().to_owned();
    KokoroFiles { model: files.model().to_owned(), voices: role("voices"), vocab: role("vocab") }
}

/// The real engine, loaded once for all tests.
pub(crate) fn voice() -> Voice {
    static VOICE: OnceLock<Voice> = OnceLock::new();
    VOICE.get_or_init(|| Voice::new(|| Ok(Kokoro::open(&files())?))).clone()
}

/// A voice that must not be asked.
pub(crate) fn mute() -> Voice {
    Voice::new(|| Err(Error::Crashed))
}

pub(crate) struct Workplace {
    data: tempfile::TempDir,
}

impl Workplace {
    pub(crate) async fn new() -> Self {
        let data = tempfile::tempdir().unwrap();
        store::migrate(&url(data.path())).await.unwrap();
        Self { data }
    }

    pub(crate) async fn audio(&self) -> Audio {
        Audio::at(self.data.path().join("audio")).await.unwrap()
    }

    /// Where a file of the audio is, or would be.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.data.path().join("audio").join(name)
    }

    pub(crate) async fn handler(&self, audio: Audio, voice: Voice) -> SynthesizeHandler {
        let store = Store::connect(&url(self.data.path())).await.unwrap();
        let flight = Flight::new(store.clone(), WorkerId::new());
        SynthesizeHandler::new(Arc::new(Studio::new(store, audio, voice, Arc::new(SystemClock))), flight, "jf_alpha")
    }
}

fn url(data: &Path) -> String {
    format!("sqlite://{}", data.join("viva.db").display())
}

/// Sends a task as a producer would, and runs it.
pub(crate) async fn ask(handler: &SynthesizeHandler, text: &str, kwargs: Value) -> Result<Value, TaskError> {
    let message = TaskMessage::new(SYNTHESIZE, vec![json!(text)], kwargs.as_object().unwrap().clone());
    let context = Context { message: message.clone(), attempt: 1, redelivered: false, cancel: CancellationToken::new() };
    match handler.handle(Task::bind(&message).unwrap(), context).await? {
        Answer::Now(value) => Ok(value),
        Answer::Later => panic!("nobody else computes it"),
    }
}
