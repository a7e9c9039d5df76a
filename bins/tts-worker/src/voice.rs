//! The voice on its own thread.
//!
//! Owns the engine: it is opened when the first text comes, the model fetched if it is not there, and kept. Promises that
//! the async runtime's threads never compute, that a text nobody waits for any more is not spoken, and that a crash costs
//! one text, not the worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;

use tokio::sync::oneshot;
use viva_models::{Console, Home, PullOptions};
use viva_speech::{Kokoro, KokoroFiles, Speech, audio};

use crate::{Error, Recipe};

/// The catalogue's name of the voice model.
const MODEL: &str = "kokoro";

/// A handle to the thread that speaks. The thread ends with its last handle.
#[derive(Debug, Clone)]
pub struct Voice(mpsc::Sender<Job>);

#[derive(Debug)]
struct Job {
    recipe: Recipe,
    reply: oneshot::Sender<Result<Speech, Error>>,
}

impl Voice {
    /// The model of `home`, fetched at the first text if it is absent.
    pub fn from_home(home: Home) -> Self {
        Self::new(move || Ok(Kokoro::open(&files(&home)?)?))
    }

    /// A voice whose engine `open` gives. It is asked again for the next text if it fails.
    pub fn new(open: impl Fn() -> Result<Kokoro, Error> + Send + 'static) -> Self {
        let mut engine = None;
        Self::speaking(move |recipe| speak(&mut engine, &open, recipe))
    }

    /// A voice that speaks as `engine` does, on a thread of its own.
    pub fn speaking(mut engine: impl FnMut(&Recipe) -> Result<Speech, Error> + Send + 'static) -> Self {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for job in jobs {
                if job.reply.is_closed() {
                    continue;
                }
                let work = AssertUnwindSafe(|| engine(&job.recipe));
                let spoken = catch_unwind(work).unwrap_or(Err(Error::Crashed));
                // Nobody waits any more: the samples are lost, nothing else is.
                drop(job.reply.send(spoken));
            }
        });
        Self(sender)
    }

    /// Speaks, after all who asked before.
    pub async fn speak(&self, recipe: Recipe) -> Result<Speech, Error> {
        let (reply, spoken) = oneshot::channel();
        self.0.send(Job { recipe, reply }).map_err(|_| Error::Crashed)?;
        spoken.await.map_err(|_| Error::Crashed)?
    }
}

/// The files of the voice model, fetched with progress on stderr if they are absent.
pub(crate) fn files(home: &Home) -> Result<KokoroFiles, Error> {
    let files = home.pull_blocking(MODEL, &PullOptions::default(), &Console::new())?;
    Ok(KokoroFiles { model: files.model().to_owned(), voices: files.file("voices")?.to_owned(), vocab: files.file("vocab")?.to_owned() })
}

fn speak(engine: &mut Option<Kokoro>, open: &impl Fn() -> Result<Kokoro, Error>, recipe: &Recipe) -> Result<Speech, Error> {
    let engine = match engine {
        Some(engine) => engine,
        None => engine.insert(open()?),
    };
    let speech = engine.perform(&recipe.script, &recipe.voice, recipe.speed)?;
    Ok(audio::level(speech)?)
}
