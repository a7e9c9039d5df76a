//! Fetching a model: lock, try each source, check, place.
//!
//! A file is written in `HOME/.staging/<model>/`, held against its digest, and only then renamed to its final name on the same
//! disk. Whoever holds `HOME/.locks/<model>` owns that staging folder; what a killed process left in it is cleared away.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::home::{Depth, inspect};
use crate::record::{Entry, Record, mtime_ns};
use crate::source::{self, Fetched, Meter};
use crate::{Attempt, Error, Event, File, Files, Home, Model, Progress};

/// How to pull.
#[derive(Debug, Clone)]
pub struct PullOptions {
    /// Names of licences that the user accepts.
    pub accept_licences: Vec<String>,
    /// Asks the user to accept the model's licence; absent where nobody can be asked.
    pub ask: Option<fn(&Model) -> bool>,
    /// Address of the hub; `HF_ENDPOINT` or the hub's own when absent.
    pub hub: Option<String>,
    /// The user's token at the hub; `HF_TOKEN` when absent.
    pub hub_token: Option<String>,
    /// The Python interpreter whose pip is used.
    pub python: String,
    /// More environment variables for pip.
    pub pip_env: Vec<(String, String)>,
    /// How long the hub may stay silent before it counts as unreachable.
    pub patience: Duration,
}

impl Default for PullOptions {
    fn default() -> Self {
        Self {
            accept_licences: Vec::new(),
            ask: None,
            hub: None,
            hub_token: None,
            python: "python3".to_owned(),
            pip_env: Vec::new(),
            patience: Duration::from_mins(1),
        }
    }
}

/// The right to change a model's files. Blocking work holds a clone: a pull that is dropped half-way stays locked until its
/// last write is over.
pub(crate) type Guard = Arc<fs::File>;

impl Home {
    /// Makes sure that the model is in place and whole, fetching what is missing or broken; returns its files.
    pub async fn pull(&self, name: &str, options: &PullOptions, progress: &dyn Progress) -> Result<Files, Error> {
        let model = self.catalogue().get(name)?;
        if let Ok(files) = self.look(name).await {
            return Ok(files);
        }
        progress.event(&Event::Start { model });
        self.permit(model, options)?;
        let guard = self.lock(model, progress).await?;
        let job = Job { home: self, model, options, progress, guard };
        let (home, model_copy) = (self.clone(), model.clone());
        let (wanted, problems) = blocking(move || wanted(&model_copy, &home.folder(&model_copy))).await;
        for problem in &problems {
            progress.event(&Event::Broken { problem });
        }
        if !wanted.is_empty() {
            job.fetch(wanted).await?;
        }
        let files = self.look(name).await?;
        progress.event(&Event::Done { model, files: &files });
        Ok(files)
    }

    /// [`Home::pull`] for callers without an async runtime (and for those inside one that must not await).
    pub fn pull_blocking(&self, name: &str, options: &PullOptions, progress: &dyn Progress) -> Result<Files, Error> {
        let pull = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|e| Error::io(name, "start a runtime for", self.dir(), e))?;
            runtime.block_on(self.pull(name, options, progress))
        };
        std::thread::scope(|scope| scope.spawn(pull).join()).unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// [`Home::path`] off the async threads: it may hash hundreds of megabytes.
    async fn look(&self, name: &str) -> Result<Files, Error> {
        let (home, name) = (self.clone(), name.to_owned());
        blocking(move || home.path(&name)).await
    }

    async fn lock(&self, model: &Model, progress: &dyn Progress) -> Result<Guard, Error> {
        let dir = self.dir().join(".locks");
        fs::create_dir_all(&dir).map_err(|e| Error::io(&model.name, "create", &dir, e))?;
        let path = dir.join(&model.name);
        let file = fs::File::create(&path).map_err(|e| Error::io(&model.name, "create", &path, e))?;
        let mut told = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Arc::new(file)),
                Err(fs::TryLockError::Error(e)) => return Err(Error::io(&model.name, "lock", &path, e)),
                Err(fs::TryLockError::WouldBlock) => {
                    if !std::mem::replace(&mut told, true) {
                        progress.event(&Event::Waiting { model });
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

/// The files that are not there or not as they should be, and what is wrong with those that are there.
fn wanted(model: &Model, dir: &Path) -> (Vec<File>, Vec<Error>) {
    let record = Record::load(dir);
    let (mut wanted, mut problems) = (Vec::new(), Vec::new());
    for file in &model.files {
        match inspect(model, file, dir, &record, Depth::IfChanged) {
            Ok(_) => continue,
            Err(Error::Absent { .. }) => {}
            Err(problem) => problems.push(problem),
        }
        wanted.push(file.clone());
    }
    (wanted, problems)
}

/// One pull, its lock held.
pub(crate) struct Job<'a> {
    pub(crate) home: &'a Home,
    pub(crate) model: &'a Model,
    pub(crate) options: &'a PullOptions,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) guard: Guard,
}

impl Job<'_> {
    /// Tries each source until none of the files is missing; a file that one source gave is kept when the next is asked.
    async fn fetch(&self, mut wanted: Vec<File>) -> Result<(), Error> {
        let staging = Staging::open(self.model, &self.home.dir().join(".staging"))?;
        let mut attempts = Vec::new();
        for source in &self.model.sources {
            self.progress.event(&Event::Asking { source });
            let mut from = source::open(source, self, &staging.0);
            let mut meter = Meter::new(self.progress, &wanted);
            let failure = loop {
                if wanted.is_empty() {
                    return Ok(());
                }
                match from.fetch(&wanted, &mut meter).await.and_then(|fetched| self.place(&wanted[0], fetched)) {
                    Ok(()) => drop(wanted.remove(0)),
                    Err(error) => break error,
                }
            };
            if failure.is_final() {
                return Err(failure);
            }
            self.progress.event(&Event::Failed { source, error: &failure });
            attempts.push(Attempt { source: source.to_string(), error: failure });
        }
        Err(Error::NoSource { model: self.model.name.clone(), attempts, advice: self.advice() })
    }

    /// Holds a fetched file against what it should be, then gives it its final name.
    fn place(&self, file: &File, fetched: Fetched) -> Result<(), Error> {
        let broken = |reason| Err(Error::Delivered { file: file.name.clone(), reason });
        if let Some(expected) = file.size.filter(|expected| *expected != fetched.size) {
            return broken(format!("{} bytes came instead of {expected}", fetched.size));
        }
        let Some(expected) = file.sha256.as_ref().or(fetched.stated_sha256.as_ref()) else {
            return broken("nobody states its SHA-256, so it cannot be trusted".to_owned());
        };
        if *expected != fetched.sha256 {
            return broken(format!("its SHA-256 is {} instead of {expected}", fetched.sha256));
        }
        let dir = self.home.folder(self.model);
        let path = dir.join(&file.name);
        fs::create_dir_all(&dir).map_err(self.io("create", &dir))?;
        let synced = fs::File::open(&fetched.path).and_then(|f| f.sync_all().and_then(|()| f.metadata()));
        let meta = synced.map_err(self.io("write", &fetched.path))?;
        fs::rename(&fetched.path, &path).map_err(self.io("write", &path))?;
        fs::File::open(&dir).and_then(|d| d.sync_all()).map_err(self.io("write", &dir))?;
        let mut record = Record::load(&dir);
        let entry = Entry { size: fetched.size, sha256: fetched.sha256, mtime_ns: mtime_ns(&meta), from: Some(fetched.from) };
        record.files.insert(file.name.clone(), entry);
        record.store(&self.model.name, &dir)
    }

    /// Wraps an I/O error of this job.
    pub(crate) fn io(&self, doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        move |e| Error::io(&self.model.name, doing, path, e)
    }

    fn advice(&self) -> String {
        let (name, home) = (&self.model.name, self.home.dir().display());
        format!(
            "\nif this machine has no network: on one that has, run `VIVA_MODELS=./models viva models pull {name}`, copy its folder \
             ./models/{name} to {home}/{name} here (or point VIVA_MODELS at a copy of ./models), and run this again"
        )
    }
}

/// The folder a pull works in: empty at the start, gone at the end.
struct Staging(PathBuf);

impl Staging {
    fn open(model: &Model, parent: &Path) -> Result<Self, Error> {
        let dir = parent.join(&model.name);
        let stale = fs::exists(&dir).unwrap_or(false);
        let cleared = if stale { fs::remove_dir_all(&dir) } else { Ok(()) };
        cleared.and_then(|()| fs::create_dir_all(&dir)).map_err(|e| Error::io(&model.name, "create", &dir, e))?;
        Ok(Self(dir))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What cannot be removed now is cleared by the next pull.
        fs::remove_dir_all(&self.0).unwrap_or_else(|error| tracing::debug!(%error, "staging folder left behind"));
    }
}

/// Runs blocking work off the async threads; a panic in it goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}
