//! A model file served from one thread of its own.
//!
//! Owns the thread and the way to it; promises that inference never runs on a caller's thread, that a panic in it becomes an
//! error, and that weights are loaded when the first request needs them. Prompts are tokenised and schemas compiled on the
//! callers' threads: the engine's own only steps.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use crate::Error;
use crate::config::Config;
use crate::engine::{Cancel, Completion, Engine, ModelInfo, Request};
use crate::gguf::Gguf;
use crate::grammar::Grammars;
use crate::inspect::{check_memory, describe};
use crate::kernel::{Instructions, Processor};
use crate::metrics::Metrics;
use crate::model::{Kept, Model, PAGE, Precision};
use crate::scheduler::{Caller, Counters, Event, Limits, Scheduler, Sequence};
use crate::serve::serve;
use crate::template::Template;
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
    /// Threads that compute; none takes one a core.
    pub threads: Option<usize>,
    /// Answers that are decoded together.
    pub lanes: usize,
    /// Most requests that run or wait; beyond it, [`Error::Busy`].
    pub queue: usize,
    /// Tokens whose keys and values are kept, in all; at least one full context.
    pub kv_tokens: usize,
    /// How keys and values are kept; none keeps those of large models (a billion weights) in 16 bits.
    pub kept: Option<Kept>,
    /// Instructions for the kernels. They decide the speed, not the bits.
    pub instructions: Instructions,
    /// Whether requests that begin alike share what was computed. Off only to measure what it is worth.
    pub reuse: bool,
    /// Whether tokens that a schema decides go through the model together. Off only to measure what it is worth.
    pub jump: bool,
}

impl Options {
    /// The defaults for the file at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            sha256: None,
            precision: Precision::Fast,
            context: 8192,
            threads: None,
            lanes: 32,
            queue: 1024,
            kv_tokens: 24 * 1024,
            kept: None,
            instructions: Instructions::detect(),
            reuse: true,
            jump: true,
        }
    }
}

/// A local model behind the [`Engine`] trait.
pub struct Local {
    info: ModelInfo,
    tokenizer: Tokenizer,
    template: Template,
    /// Made by the first request that has a schema; others wait for it: it is the work of half a second.
    grammars: OnceLock<Result<Grammars, String>>,
    counters: Arc<Counters>,
    /// Requests that run or wait.
    requests: AtomicUsize,
    bound: usize,
    /// None only while dropping: closing the queue ends the thread.
    jobs: Option<Mutex<Sender<Sequence>>>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("info", &self.info).finish_non_exhaustive()
    }
}

impl Local {
    /// Reads the header and the vocabulary and starts the thread. A file that cannot work fails here.
    #[allow(clippy::needless_pass_by_value, reason = "settings are made for one engine and handed over")]
    pub fn open(options: Options) -> Result<Self, Error> {
        let gguf = Gguf::open(&options.path)?;
        let mut config = Config::read(&gguf)?;
        config.context = config.context.min(options.context);
        config.kept = options.kept.unwrap_or(config.kept);
        let (tokenizer, template) = (Tokenizer::read(&gguf)?, Template::read(&gguf));
        let info = describe(&gguf, &config, &template, &options)?;
        let counters = Arc::new(Counters::default());
        let bound = options.queue;
        let (jobs, queue) = channel();
        let thread = spawn(queue, gguf, config, &options, tokenizer.clone(), Arc::clone(&counters))?;
        let jobs = Some(Mutex::new(jobs));
        let (grammars, requests) = (OnceLock::new(), AtomicUsize::new(0));
        Ok(Self { info, tokenizer, template, grammars, counters, requests, bound, jobs, thread: Some(thread) })
    }

    /// The vocabulary of the model.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    fn grammars(&self) -> Result<&Grammars, Error> {
        let made = self.grammars.get_or_init(|| Grammars::new(&self.tokenizer).map_err(|error| error.to_string()));
        made.as_ref().map_err(|what| Error::Grammar(what.clone()))
    }

    /// Asks the engine's thread and passes on what it says.
    fn ask(&self, request: &Request, cancel: &Cancel, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        let prompt = match &request.raw {
            Some(text) => self.tokenizer.bos().into_iter().chain(self.tokenizer.encode_template(text)?).collect(),
            None => self.template.encode(&request.messages, &self.tokenizer)?,
        };
        let context = self.info.context_length;
        if prompt.is_empty() || prompt.len() + 1 >= context {
            return Err(Error::TooLong { tokens: prompt.len(), context });
        }
        let guide = request.schema.as_ref().map(|schema| self.grammars()?.compile(schema)).transpose()?;
        let gone = || Error::Stopped("its thread ended; the log has the reason".to_owned());
        let (events, answers) = channel();
        let room = context - prompt.len() - 1;
        let sequence = Sequence::new(request, prompt, room, guide, Caller::new(request, cancel.clone(), events));
        self.jobs.as_ref().ok_or_else(gone)?.lock().map_err(|_| gone())?.send(sequence).map_err(|_| gone())?;
        for event in answers {
            match event {
                Event::Text(text) => on_text(&text),
                Event::Done(result) => return result,
            }
        }
        Err(gone())
    }
}

impl Engine for Local {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn complete(&self, request: &Request, cancel: &Cancel, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        let requests = self.requests.fetch_add(1, Relaxed);
        let result =
            if requests < self.bound { self.ask(request, cancel, on_text) } else { Err(Error::Busy { requests, bound: self.bound }) };
        self.requests.fetch_sub(1, Relaxed);
        result
    }

    fn metrics(&self) -> Option<Metrics> {
        Some(self.counters.told())
    }

    fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        Ok(self.tokenizer.encode_data(text)?.len())
    }

    fn steps(&self) -> Option<u64> {
        Some(self.counters.steps.load(Relaxed))
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

/// Starts the engine's thread, which computes with a pool of its own.
fn spawn(
    queue: std::sync::mpsc::Receiver<Sequence>,
    gguf: Gguf,
    config: Config,
    options: &Options,
    tokenizer: Tokenizer,
    counters: Arc<Counters>,
) -> Result<JoinHandle<()>, Error> {
    let failed = |e: &dyn std::error::Error| Error::Stopped(format!("its threads could not start: {e}"));
    let threads = options.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("viva-llm-{i}")).build();
    let pool = pool.map_err(|e| failed(&e))?;
    let limits = Limits {
        lanes: options.lanes.max(1),
        pages: options.kv_tokens.max(config.context).div_ceil(PAGE) + 2,
        chunk: 256,
        beside: 64,
        opening: 8,
        reuse: options.reuse,
        jump: options.jump,
    };
    let (precision, instructions) = (options.precision, options.instructions);
    let load = move || {
        check_memory(&gguf, &config, precision, limits.pages)?;
        let processor = Processor::new(instructions);
        let model = Model::load(&gguf, config.clone(), precision, processor)?;
        tracing::info!(weights_mib = model.bytes() >> 20, numeric_class = processor.instructions().name(), "language model loaded");
        Ok(Scheduler::new(model, tokenizer.clone(), limits, Arc::clone(&counters)))
    };
    let run = move || pool.install(move || serve(&queue, load));
    std::thread::Builder::new().name("viva-llm".to_owned()).spawn(run).map_err(|e| failed(&e))
}
