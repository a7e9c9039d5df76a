//! From settings to a judge and its store.

use std::sync::Arc;

use anyhow::Context as _;
use viva_core::SystemClock;
use viva_llm::{Engine, Local, Options};
use viva_models::{Console, Home, PullOptions};
use viva_scoring::{Judge, Rubric, Settings};

use crate::cli::ModelArgs;

/// Opens the model that `llm` names: `gguf:PATH`, or a name of the catalogue, fetched with progress on stderr if it is not
/// in `home`. Reads the header only; weights are loaded by the first request. Blocks, and must not be called on a thread of
/// the async runtime.
pub fn open(llm: &str, home: &Home) -> anyhow::Result<Arc<dyn Engine>> {
    let engine = Local::open(options(llm, home)?).with_context(|| format!("the language model {llm:?} cannot be used"))?;
    Ok(Arc::new(engine))
}

/// How the model that `llm` names is opened.
pub(crate) fn options(llm: &str, home: &Home) -> anyhow::Result<Options> {
    match llm.split_once(':') {
        Some(("gguf", path)) => Ok(Options::new(path)),
        Some((scheme, _)) => anyhow::bail!("LLM={scheme}:... is not supported; use gguf:PATH, or a name from `viva models list`"),
        None => catalogued(llm, home),
    }
}

fn catalogued(name: &str, home: &Home) -> anyhow::Result<Options> {
    let files = home.pull_blocking(name, &PullOptions::default(), &Console::new())?;
    // The digest was checked on the way here: hashing a large file twice would only delay the start.
    let sha256 = home.catalogue().get(name)?.files.first().and_then(|file| file.sha256.clone());
    Ok(Options { sha256, ..Options::new(files.model()) })
}

/// A judge as the settings describe it.
pub async fn judge(args: ModelArgs) -> anyhow::Result<Judge> {
    tokio::task::spawn_blocking(move || {
        let home = args.viva_models.map_or_else(Home::from_env, |dir| Ok(Home::new(dir))).context("there is no folder for models")?;
        let rubric = args.rubric.as_deref().map_or_else(|| Ok(Rubric::builtin()), Rubric::load)?;
        let settings = Settings { worker_id: worker_id(), ..Settings::default() };
        Ok(Judge::new(open(&args.llm, &home)?, rubric, Arc::new(SystemClock), settings))
    })
    .await?
}

/// Host and process, for the record.
fn worker_id() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    format!("eval-worker@{host}:{}", std::process::id())
}
