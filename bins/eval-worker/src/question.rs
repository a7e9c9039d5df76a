//! The interviewer: an interview's next question.
//!
//! Owns the stage script, what the model is asked, and what is believed of its answer. Promises that no session is open while the
//! model thinks, that two equal requests get one question, that a question which the model could not make is a canned one and
//! marked so, and that what a candidate said or wrote is data (see `prompt`). Does not look at scores, faces or voices.

mod check;
mod make;
mod next;
mod preload;
mod prompt;
mod scene;
mod script;

use std::sync::Arc;
use std::time::Duration;

use viva_core::store::Store;
use viva_core::task::{GENERATE_EMBEDDINGS, GENERATE_NEXT_QUESTION, PRELOAD_MODEL};
use viva_llm::Engine;
use viva_worker::{Flight, Runtime};

use crate::resume::{GenerateEmbeddings, Resumes};

pub use next::GenerateNextQuestion;
pub use preload::PreloadModel;
pub use script::Script;

/// The tasks that an interviewer does.
pub const INTERVIEW_TASKS: &[&str] = &[GENERATE_EMBEDDINGS, GENERATE_NEXT_QUESTION, PRELOAD_MODEL];

/// How long the model may think about a question before the canned one is asked: somebody sits there and waits.
const PATIENCE: Duration = Duration::from_secs(45);

/// A script, a model to depart from it, and resumes to draw on.
#[derive(Clone)]
pub struct Interviewer {
    store: Store,
    engine: Arc<dyn Engine>,
    resumes: Option<Resumes>,
    script: Arc<Script>,
    patience: Duration,
    /// Whether questions are sent to be spoken.
    voices: bool,
}

impl std::fmt::Debug for Interviewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interviewer").field("model", &self.engine.info().name).field("resumes", &self.resumes).finish_non_exhaustive()
    }
}

impl Interviewer {
    /// An interviewer by the built-in script, who has its questions spoken.
    pub fn new(store: Store, engine: Arc<dyn Engine>, resumes: Option<Resumes>) -> Self {
        Self { store, engine, resumes, script: Arc::new(Script::builtin()), patience: PATIENCE, voices: true }
    }

    /// Goes by another script.
    #[must_use]
    pub fn script(self, script: Script) -> Self {
        Self { script: Arc::new(script), ..self }
    }

    /// Waits this long for the model.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Leaves the speaking to others.
    #[must_use]
    pub fn silent(self) -> Self {
        Self { voices: false, ..self }
    }

    /// Registers the tasks that an interviewer does.
    #[must_use]
    pub fn serve_on(&self, runtime: Runtime, flight: Flight) -> Runtime {
        let runtime = match &self.resumes {
            Some(resumes) => {
                let embed = GenerateEmbeddings { resumes: resumes.clone(), flight: flight.clone() };
                runtime.handler(GENERATE_EMBEDDINGS, Arc::new(embed))
            }
            None => runtime,
        };
        runtime
            .handler(PRELOAD_MODEL, Arc::new(PreloadModel { interviewer: self.clone() }))
            .handler(GENERATE_NEXT_QUESTION, Arc::new(GenerateNextQuestion { interviewer: self.clone(), flight }))
    }

    /// The tasks that this one does: without an embedding model there are no resumes.
    pub fn tasks(&self) -> &'static [&'static str] {
        if self.resumes.is_some() { INTERVIEW_TASKS } else { &INTERVIEW_TASKS[1..] }
    }
}
