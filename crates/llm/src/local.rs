//! A model file served from one thread of its own.
//!
//! Owns the thread and the queue to it; promises that inference never runs on a caller's thread, that a panic in it
//! becomes an error, and that weights are loaded when the first request needs them. Batching will change what the
//! thread does with its queue, not this interface.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use crate::Error;
use crate::config::Config;
use crate::decode::Decoder;
use crate::engine::{Cancel, Completion, Engine, ModelInfo, Request};
use crate::gguf::Gguf;
use crate::model::{Model, Precision};
use crate::template::{Template, hex};
use crate::tokenizer::Tokenizer;

/// How a model file is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The GGUF file.
    pub path: PathBuf,
    /// SHA-256 of the file where somebody has checked it already; else it is computed, which takes a second per gigabyte.
    pub sha256: Option<String>,
    /// Fast kernels, or exact weights for comparisons.
    pub precision: Precision,
    /// Bound on prompt and answer together, below the model's own.
    pub context: usize,
}

impl Options {
    /// The defaults for the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), sha256: None, precision: Precision::Fast, context: 8192 }
    }
}

enum Event {
    Text(String),
    Done(Result<Completion, Error>),
}

struct Job {
    request: Request,
    cancel: Cancel,
    events: Sender<Event>,
}

/// A local model behind the [`Engine`] trait.
pub struct Local {
    info: ModelInfo,
    tokenizer: Tokenizer,
    /// None only while dropping: closing the queue ends the thread.
    jobs: Option<Mutex<Sender<Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Local {
    /// Reads the header and the vocabulary and starts the thread. A file that cannot work fails here.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one call")]
    pub fn open(options: Options) -> Result<Self, Error> {
        let gguf = Gguf::open(&options.path)?;
        let mut config = Config::read(&gguf)?;
        config.context = config.context.min(options.context);
        let (tokenizer, template) = (Tokenizer::read(&gguf)?, Template::read(&gguf));
        let info = describe(&gguf, &config, &template, &options)?;
        let (jobs, queue) = channel();
        let shared = tokenizer.clone();
        let load = move || {
            let model = Model::load(&gguf, config.clone(), options.precision)?;
            Decoder::new(model, &config, shared.clone(), template.clone())
        };
        let thread = std::thread::Builder::new().name("viva-llm".to_owned()).spawn(move || serve(&queue, load));
        let thread = thread.map_err(|e| Error::Stopped(format!("its thread could not start: {e}")))?;
        Ok(Self { info, tokenizer, jobs: Some(Mutex::new(jobs)), thread: Some(thread) })
    }

    /// The vocabulary of the model.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }
}

impl Engine for Local {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn complete(&self, request: &Request, cancel: &Cancel, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        let gone = || Error::Stopped("its thread ended; the log has the reason".to_owned());
        let (events, answers) = channel();
        let job = Job { request: request.clone(), cancel: cancel.clone(), events };
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.lock().map_err(|_| gone())?.send(job).map_err(|_| gone())?;
        for event in answers {
            match event {
                Event::Text(text) => on_text(&text),
                Event::Done(result) => return result,
            }
        }
        Err(gone())
    }

    fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        Ok(self.tokenizer.encode_data(text)?.len())
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the language model's thread panicked");
        }
    }
}

/// The thread: one request after the other. Loads at the first; a failed load is tried again by the next.
fn serve(queue: &Receiver<Job>, load: impl Fn() -> Result<Decoder, Error>) {
    let mut decoder = None;
    for Job { request, cancel, events } in queue {
        let work = std::panic::AssertUnwindSafe(|| {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let ready = match decoder.take() {
                Some(ready) => ready,
                None => load()?,
            };
            let tell = &mut |text: &str| drop(events.send(Event::Text(text.to_owned())));
            decoder.insert(ready).complete(&request, &cancel, tell)
        });
        let result = std::panic::catch_unwind(work).unwrap_or_else(|payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let what = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(Error::Stopped(format!("inference panicked: {what}")))
        });
        if matches!(result, Err(Error::Stopped(_) | Error::Inference(_))) {
            // Half a step may have been written: start over from the file.
            decoder = None;
        }
        if events.send(Event::Done(result)).is_err() {
            tracing::debug!("nobody waits for this answer any more");
        }
    }
}

fn describe(gguf: &Gguf, config: &Config, template: &Template, options: &Options) -> Result<ModelInfo, Error> {
    let stem = options.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let precision = if options.precision == Precision::Full { "-f32" } else { "" };
    Ok(ModelInfo {
        name: gguf.text("general.name").map_or(stem, str::to_owned),
        architecture: gguf.text("general.architecture").unwrap_or_default().to_owned(),
        parameters: gguf.parameters(),
        quantisation: gguf.quantisation(),
        sha256: options.sha256.clone().map_or_else(|| file_sha256(&options.path), Ok)?,
        context_length: config.context,
        template_sha256: template.sha256(),
        engine: format!("viva-llm {}", env!("CARGO_PKG_VERSION")),
        numeric_class: format!("cpu-{}{precision}", instruction_path()),
    })
}

/// Which of candle's kernels this processor takes: scores repeat exactly inside one class.
fn instruction_path() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx512vnni") && std::is_x86_feature_detected!("avx512bw") {
            return "avx512vnni";
        }
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            return "avx2";
        }
    }
    std::env::consts::ARCH
}

fn file_sha256(path: &Path) -> Result<String, Error> {
    let bad = |e: std::io::Error| Error::BadModel { path: path.to_owned(), what: format!("cannot be read ({e})") };
    let mut file = std::fs::File::open(path).map_err(bad)?;
    let (mut hash, mut block) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut block).map_err(bad)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&block[..n]),
        }
    }
}
