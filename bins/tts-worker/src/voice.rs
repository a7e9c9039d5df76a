//! The voice on its own thread.
//!
//! Owns the engine: it is opened when the first text comes, the model fetched if it is not there, and kept. Promises that
//! the async runtime's threads never compute, that a text nobody waits for any more is not spoken, and that a crash costs
//! one text, not the worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};

use tokio::sync::oneshot;
use viva_models::{Console, Home, PullOptions};
use viva_speech::{Kokoro, KokoroFiles, Speech, audio};

use crate::{Error, Recipe};

/// The catalogue's name of the voice model.
const MODEL: &str = "kokoro";

/// A handle to the thread that speaks. The thread ends with its last handle.
#[derive(Debug, Clone)]
pub struct Voice {
    jobs: mpsc::Sender<Job>,
    steps: Arc<AtomicU64>,
}

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
        let (mut engine, steps) = (None, Arc::<AtomicU64>::default());
        let count = steps.clone();
        Self::counting(steps, move |recipe| speak(&mut engine, &open, recipe, &count))
    }

    /// A voice that speaks as `engine` does, on a thread of its own.
    pub fn speaking(engine: impl FnMut(&Recipe) -> Result<Speech, Error> + Send + 'static) -> Self {
        Self::counting(Arc::default(), engine)
    }

    fn counting(steps: Arc<AtomicU64>, mut engine: impl FnMut(&Recipe) -> Result<Speech, Error> + Send + 'static) -> Self {
        let (sender, jobs) = mpsc::channel::<Job>();
        let ended = steps.clone();
        std::thread::spawn(move || {
            for job in jobs {
                if job.reply.is_closed() {
                    continue;
                }
                let work = AssertUnwindSafe(|| engine(&job.recipe));
                let spoken = catch_unwind(work).unwrap_or(Err(Error::Crashed));
                ended.fetch_add(1, Ordering::Relaxed);
                // Nobody waits any more: the samples are lost, nothing else is.
                drop(job.reply.send(spoken));
            }
        });
        Self { jobs: sender, steps }
    }

    /// How many pieces of text it has spoken so far, of anybody's.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.load(Ordering::Relaxed)
    }

    /// Speaks, after all who asked before.
    pub async fn speak(&self, recipe: Recipe) -> Result<Speech, Error> {
        let (reply, spoken) = oneshot::channel();
        self.jobs.send(Job { recipe, reply }).map_err(|_| Error::Crashed)?;
        spoken.await.map_err(|_| Error::Crashed)?
    }
}

/// The files of the voice model, fetched with progress on stderr if they are absent.
pub(crate) fn files(home: &Home) -> Result<KokoroFiles, Error> {
    let files = home.pull_blocking(MODEL, &PullOptions::default(), &Console::new())?;
    Ok(KokoroFiles { model: files.model().to_owned(), voices: files.file("voices")?.to_owned(), vocab: files.file("vocab")?.to_owned() })
}

fn speak(
    engine: &mut Option<Kokoro>,
    open: &impl Fn() -> Result<Kokoro, Error>,
    recipe: &Recipe,
    steps: &AtomicU64,
) -> Result<Speech, Error> {
    let engine = match engine {
        Some(engine) => engine,
        None => engine.insert(open()?),
    };
    let speech = engine.perform(&recipe.script, &recipe.voice, recipe.speed, &mut || {
        steps.fetch_add(1, Ordering::Relaxed);
    })?;
    Ok(audio::level(speech)?)
}

#[cfg(test)]
mod tests {
    use viva_speech::text::Dictionary;

    use super::*;

    #[tokio::test]
    async fn what_the_voice_has_spoken_is_counted() {
        let voice = Voice::speaking(|_| Ok(Speech { samples: Vec::new(), sample_rate: 24_000 }));
        for spoken in 0..3 {
            assert_eq!(voice.steps(), spoken);
            let recipe = Recipe::new("네.", "ko", "jf_alpha", 1.0, &Dictionary::default()).expect("it can be spoken");
            voice.speak(recipe).await.expect("it is spoken");
        }
        assert_eq!(voice.steps(), 3);
    }
}
