//! From settings to a judge and its store.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use viva_core::SystemClock;
use viva_llm::{Engine, Local, Options};
use viva_llm_remote::{Address, Remote};
use viva_models::{Console, Home, PullOptions};
use viva_scoring::{Judge, Rubric, Settings};

use crate::cli::ModelArgs;
use crate::gauges;

/// Opens the model that `llm` names: `gguf:PATH`, `openai+http://SERVER`, or a name of the catalogue, fetched with progress on
/// stderr if it is not in `home`. Of a file it reads the header only; weights are loaded by the first request. Blocks, and must
/// not be called on a thread of the async runtime.
pub fn open(llm: &str, home: &Home) -> anyhow::Result<Arc<dyn Engine>> {
    if Address::is_meant_by(llm) {
        return Ok(Arc::new(Remote::connect(llm.parse()?).context("the language model's server cannot be used")?));
    }
    let engine = Local::open(options(llm, home)?).with_context(|| format!("the language model {llm:?} cannot be used"))?;
    Ok(Arc::new(engine))
}

/// `llm` as it may be shown: a server's address without its key.
pub fn shown(llm: &str) -> String {
    match llm.parse::<Address>() {
        Ok(address) => address.to_string(),
        Err(_) if Address::is_meant_by(llm) => "openai+...".to_owned(),
        Err(_) => llm.to_owned(),
    }
}

/// What the model file at `path` says of itself, and what it would take to run it, on one line.
pub fn facts(path: &Path) -> anyhow::Result<String> {
    let seen = viva_llm::inspect(path)?;
    let types: Vec<String> = seen.tensor_types.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    let (weights, kv) = (seen.weight_bytes >> 20, seen.kv_bytes_per_token >> 10);
    let (family, millions, types) = (seen.architecture, seen.parameters / 1_000_000, types.join(", "));
    Ok(format!("{family}, {millions} million weights ({types}), up to {weights} MiB of memory and {kv} KiB a token"))
}

/// How the model that `llm` names is opened.
pub(crate) fn options(llm: &str, home: &Home) -> anyhow::Result<Options> {
    match llm.split_once(':') {
        Some(("gguf", path)) => Ok(Options::new(path)),
        Some((scheme, _)) => {
            anyhow::bail!("LLM={scheme}:... is not supported; use gguf:PATH, openai+http://SERVER, or a name from `viva models list`")
        }
        None => catalogued(llm, home),
    }
}

fn catalogued(name: &str, home: &Home) -> anyhow::Result<Options> {
    let files = home.pull_blocking(name, &PullOptions::default(), &Console::new())?;
    // The digest was checked on the way here: hashing a large file twice would only delay the start.
    let sha256 = home.catalogue().get(name)?.files.first().and_then(|file| file.sha256.clone());
    Ok(Options { sha256, ..Options::new(files.model()) })
}

/// A judge as the settings describe it. What its engine does is told as metrics for as long as it lives.
pub async fn judge(args: ModelArgs) -> anyhow::Result<Judge> {
    let made = tokio::task::spawn_blocking(move || {
        let home = args.home()?;
        let rubric = rubric(args.rubric.as_deref())?;
        let settings = Settings { worker_id: worker_id(), samples: args.samples, ..Settings::default() };
        let engine = open(&args.llm, &home)?;
        anyhow::Ok((Arc::downgrade(&engine), Judge::new(engine, rubric, Arc::new(SystemClock), settings)))
    });
    let (engine, judge) = made.await??;
    tokio::spawn(gauges::tell(engine));
    Ok(judge)
}

/// The rubric of a file, or the built-in one.
pub fn rubric(file: Option<&std::path::Path>) -> anyhow::Result<Rubric> {
    Ok(file.map_or_else(|| Ok(Rubric::builtin()), Rubric::load)?)
}

/// Opens the model with these instructions, whatever the processor has. Blocks.
pub fn open_with(llm: &str, home: &Home, instructions: viva_llm::Instructions) -> anyhow::Result<Arc<dyn Engine>> {
    let options = Options { instructions, ..options(llm, home)? };
    let engine = Local::open(options).with_context(|| format!("the language model {llm:?} cannot be used"))?;
    Ok(Arc::new(engine))
}

/// Host and process, for the record.
fn worker_id() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    format!("eval-worker@{host}:{}", std::process::id())
}
