//! A model file served from one thread of its own.
//!
//! Owns the thread and the way to it; promises that inference never runs on a caller's thread, that a panic in it becomes an
//! error, and that weights are loaded when the first request needs them. Prompts are tokenised and schemas compiled on the
//! callers' threads: the engine's own only steps.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use crate::Error;
use crate::config::Config;
use crate::engine::{Cancel, Completion, Engine, ModelInfo, Request};
use crate::gguf::Gguf;
use crate::grammar::Grammars;
use crate::kernel::{Instructions, Processor};
use crate::model::{Model, PAGE, Pages, Precision};
use crate::scheduler::{Counters, Event, Limits, Scheduler, Sequence};
use crate::serve::serve;
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
    /// Threads that compute; none takes one a core.
    pub threads: Option<usize>,
    /// Answers that are decoded together.
    pub lanes: usize,
    /// Most requests that run or wait; beyond it, [`Error::Busy`].
    pub queue: usize,
    /// Tokens whose keys and values are kept, in all; at least one full context.
    pub kv_tokens: usize,
    /// Instructions for the kernels. They decide the speed, not the bits.
    pub instructions: Instructions,
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
            instructions: Instructions::detect(),
        }
    }
}

/// What an engine has done since it was opened, and what it is doing. Rates are a caller's who has a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics {
    /// Passes through the model.
    pub steps: u64,
    /// Prompt tokens computed.
    pub prompt_tokens: u64,
    /// Prompt tokens that were computed already.
    pub prefix_tokens: u64,
    /// Answer tokens computed, those that a schema decided included.
    pub answer_tokens: u64,
    /// Tokens chosen by the model.
    pub chosen_tokens: u64,
    /// Times that a request gave way to another.
    pub preemptions: u64,
    /// Answers being decoded.
    pub running: u64,
    /// Requests waiting for a lane.
    pub waiting: u64,
    /// Tokens whose keys running requests hold, in whole pages.
    pub kv_tokens: u64,
}

/// A local model behind the [`Engine`] trait.
pub struct Local {
    info: ModelInfo,
    tokenizer: Tokenizer,
    template: Template,
    /// Made by the first request that has a schema.
    grammars: OnceLock<Grammars>,
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
    pub fn open(options: Options) -> Result<Self, Error> {
        let gguf = Gguf::open(&options.path)?;
        let mut config = Config::read(&gguf)?;
        config.context = config.context.min(options.context);
        let (tokenizer, template) = (Tokenizer::read(&gguf)?, Template::read(&gguf));
        let info = describe(&gguf, &config, &template, &options)?;
        let counters = Arc::new(Counters::default());
        let bound = options.queue;
        let (jobs, queue) = channel();
        let thread = spawn(queue, gguf, config, options, tokenizer.clone(), Arc::clone(&counters))?;
        let jobs = Some(Mutex::new(jobs));
        let (grammars, requests) = (OnceLock::new(), AtomicUsize::new(0));
        Ok(Self { info, tokenizer, template, grammars, counters, requests, bound, jobs, thread: Some(thread) })
    }

    /// The vocabulary of the model.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// What has been done so far.
    pub fn metrics(&self) -> Metrics {
        let Counters { steps, prompt_rows, answer_rows, chosen, prefix_tokens, preemptions, running, waiting, pages_held } =
            &*self.counters;
        Metrics {
            steps: steps.load(Relaxed),
            prompt_tokens: prompt_rows.load(Relaxed),
            prefix_tokens: prefix_tokens.load(Relaxed),
            answer_tokens: answer_rows.load(Relaxed),
            chosen_tokens: chosen.load(Relaxed),
            preemptions: preemptions.load(Relaxed),
            running: running.load(Relaxed),
            waiting: waiting.load(Relaxed),
            kv_tokens: pages_held.load(Relaxed) * PAGE as u64,
        }
    }

    fn grammars(&self) -> Result<&Grammars, Error> {
        if let Some(ready) = self.grammars.get() {
            return Ok(ready);
        }
        let made = Grammars::new(&self.tokenizer)?;
        Ok(self.grammars.get_or_init(|| made))
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
        let sequence = Sequence::new(request, prompt, room, guide, cancel.clone(), events);
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

/// Starts the engine's thread, which computes with a pool of its own.
fn spawn(
    queue: std::sync::mpsc::Receiver<Sequence>,
    gguf: Gguf,
    config: Config,
    options: Options,
    tokenizer: Tokenizer,
    counters: Arc<Counters>,
) -> Result<JoinHandle<()>, Error> {
    let failed = |e: &dyn std::error::Error| Error::Stopped(format!("its threads could not start: {e}"));
    let threads = options.threads.unwrap_or(0);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("viva-llm-{i}")).build();
    let pool = pool.map_err(|e| failed(&e))?;
    let limits =
        Limits { lanes: options.lanes.max(1), pages: options.kv_tokens.max(config.context).div_ceil(PAGE) + 2, chunk: 256, beside: 32 };
    let load = move || {
        check_memory(&gguf, &config, &options, limits.pages)?;
        let processor = Processor::new(options.instructions);
        let model = Model::load(&gguf, config.clone(), options.precision, processor)?;
        tracing::info!(weights_mib = model.bytes() >> 20, numeric_class = processor.instructions().name(), "language model loaded");
        Ok(Scheduler::new(model, tokenizer.clone(), limits, Arc::clone(&counters)))
    };
    let run = move || pool.install(move || serve(&queue, load));
    std::thread::Builder::new().name("viva-llm".to_owned()).spawn(run).map_err(|e| failed(&e))
}

/// Refuses a model that would not fit, while the system still has the memory to say so.
fn check_memory(gguf: &Gguf, config: &Config, options: &Options, pages: usize) -> Result<(), Error> {
    // A code and its share of the scale, or an f32.
    let weights = gguf.parameters() * if options.precision == Precision::Full { 16 } else { 5 } / 4;
    let needed = weights + (pages * Pages::new(config).page_bytes()) as u64;
    let available = available_memory().unwrap_or(u64::MAX);
    if needed <= available {
        return Ok(());
    }
    Err(Error::Memory { path: gguf.path().to_owned(), needed_mib: needed >> 20, available_mib: available >> 20 })
}

/// Bytes that the kernel thinks can be had without swapping; none where it does not say.
fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
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
        numeric_class: format!("cpu-{}{precision}", Processor::new(options.instructions).instructions().name()),
    })
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
