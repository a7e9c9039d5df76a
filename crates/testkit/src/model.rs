//! Real models for tests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use viva_models::{Event, Files, Home, Progress, PullOptions};

static READY: Mutex<BTreeMap<String, Files>> = Mutex::new(BTreeMap::new());

/// The files of a model, from `VIVA_MODELS` or the user's data folder; fetched if they are not there.
///
/// # Panics
///
/// Where the model cannot be had; the message says what was tried and what to do.
pub fn model(name: &str) -> Files {
    // Held while fetching: tests run side by side, and the second one need only wait.
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(files) = ready.get(name) {
        return files.clone();
    }
    let files = Home::from_env().and_then(|home| home.pull_blocking(name, &PullOptions::default(), &Lines));
    let files = files.unwrap_or_else(|error| panic!("this test needs the model {name}: {error}"));
    ready.insert(name.to_owned(), files.clone());
    files
}

/// Says on stderr that a download is why the test takes long.
struct Lines;

impl Progress for Lines {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Start { model } => eprintln!("fetching {} ({})", model.name, model.title),
            Event::Broken { problem } => eprintln!("{problem}"),
            Event::Failed { source, error } => eprintln!("{source}: {error}"),
            Event::Done { files, .. } => eprintln!("in place: {}", files.dir().display()),
            _ => {}
        }
    }
}
