//! What a model file says of itself, and what it would take to run it.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::config::Config;
use crate::engine::ModelInfo;
use crate::gguf::Gguf;
use crate::kernel::Processor;
use crate::local::Options;
use crate::model::{Kept, PAGE, Pages, Precision};
use crate::template::{Template, hex};
use crate::tokenizer::Tokenizer;

/// Raised by whatever changes what an answer says.
const REVISION: u32 = 2;

/// What can be known of a model without loading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// `llama`, `gemma3`, ...
    pub architecture: String,
    /// Weights, counted.
    pub parameters: u64,
    /// Pieces of the vocabulary.
    pub vocabulary: usize,
    /// Tokens that prompt and answer may have together.
    pub context_length: usize,
    /// Tensors of each type.
    pub tensor_types: BTreeMap<String, usize>,
    /// Bytes of the weights as they would be held, at most.
    pub weight_bytes: u64,
    /// Bytes of keys and values of one token.
    pub kv_bytes_per_token: u64,
}

/// Reads the header and the vocabulary of the file at `path`, and refuses what [`crate::Local::open`] would refuse.
pub fn inspect(path: impl AsRef<Path>) -> Result<Inspection, Error> {
    let gguf = Gguf::open(path.as_ref())?;
    let config = Config::read(&gguf)?;
    let tokenizer = Tokenizer::read(&gguf)?;
    Ok(Inspection {
        architecture: gguf.text("general.architecture").unwrap_or_default().to_owned(),
        parameters: gguf.parameters(),
        vocabulary: tokenizer.len(),
        context_length: config.context,
        tensor_types: gguf.tensor_types(),
        weight_bytes: weight_bytes(&gguf, Precision::Fast),
        kv_bytes_per_token: (Pages::new(&config).page_bytes() / PAGE) as u64,
    })
}

/// A code and its share of the scale, or an f32.
fn weight_bytes(gguf: &Gguf, precision: Precision) -> u64 {
    gguf.parameters().saturating_mul(if precision == Precision::Full { 16 } else { 5 }) / 4
}

/// Refuses a model that would not fit, while the system still has the memory to say so.
pub(crate) fn check_memory(gguf: &Gguf, config: &Config, precision: Precision, pages: usize) -> Result<(), Error> {
    let keys = pages.saturating_mul(Pages::new(config).page_bytes()) as u64;
    let needed = weight_bytes(gguf, precision).saturating_add(keys);
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

pub(crate) fn describe(gguf: &Gguf, config: &Config, template: &Template, options: &Options) -> Result<ModelInfo, Error> {
    let stem = options.path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let precision = if options.precision == Precision::Full { "-f32" } else { "" };
    let kept = if config.kept == Kept::Half { "-kv16" } else { "" };
    Ok(ModelInfo {
        name: gguf.text("general.name").map_or(stem, str::to_owned),
        architecture: gguf.text("general.architecture").unwrap_or_default().to_owned(),
        parameters: gguf.parameters(),
        quantisation: gguf.quantisation(),
        sha256: options.sha256.clone().map_or_else(|| file_sha256(&options.path), Ok)?,
        context_length: config.context,
        template_sha256: template.sha256(),
        engine: format!("viva-llm {}+{REVISION}", env!("CARGO_PKG_VERSION")),
        numeric_class: format!("cpu-{}{precision}{kept}", Processor::new(options.instructions).instructions().name()),
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
