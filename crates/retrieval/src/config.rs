//! What the files beside the weights say: `config.json` of transformers, and what sentence-transformers adds to it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// What is put in front of a text, by its purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prompts {
    /// In front of what is looked for.
    pub query: String,
    /// In front of what is to be found.
    pub passage: String,
}

impl Prompts {
    /// As the E5 family was trained (Wang et al., "Text Embeddings by Weakly-Supervised Contrastive Pre-training", section 3.2).
    pub fn e5() -> Self {
        Self { query: "query: ".to_owned(), passage: "passage: ".to_owned() }
    }
}

/// How a model is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder with `config.json`, `tokenizer.json` and `model.safetensors`, as the hub has them.
    pub folder: PathBuf,
    /// What is put in front of texts; most models want nothing.
    pub prompts: Prompts,
}

impl Options {
    /// The model of a folder, without prompts.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), prompts: Prompts::default() }
    }
}

/// `config.json`, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    pub(crate) model_type: String,
    pub(crate) hidden_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) vocab_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) type_vocab_size: usize,
    pub(crate) layer_norm_eps: f64,
    #[serde(default)]
    pub(crate) pad_token_id: usize,
    hidden_act: String,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

/// How a text's tokens become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    Mean,
    Cls,
}

/// `1_Pooling/config.json` of sentence-transformers.
#[derive(Debug, Default, Deserialize)]
#[allow(clippy::struct_field_names, reason = "they are the file's")]
struct PoolingFile {
    #[serde(default)]
    pooling_mode_cls_token: bool,
    #[serde(default)]
    pooling_mode_mean_tokens: bool,
    #[serde(default)]
    pooling_mode: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SentenceFile {
    max_seq_length: Option<usize>,
}

impl Config {
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("config.json");
        let config: Self = json(&path)?;
        let wrong = |what: String| Error::Unsupported { path: path.clone(), what };
        if !matches!(config.model_type.as_str(), "bert" | "roberta" | "xlm-roberta") {
            return Err(wrong(format!("a {:?} model; bert, roberta and xlm-roberta are supported", config.model_type)));
        }
        if config.hidden_act != "gelu" || config.position_embedding_type.as_deref().is_some_and(|kind| kind != "absolute") {
            return Err(wrong("only gelu and absolute positions are supported".to_owned()));
        }
        if config.num_attention_heads == 0 || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(Error::damaged(&path, "the heads do not divide the hidden size"));
        }
        Ok(config)
    }

    /// The number of a text's first position: RoBERTa counts on from its padding's id.
    pub(crate) fn first_position(&self) -> usize {
        if self.model_type == "bert" { 0 } else { self.pad_token_id + 1 }
    }

    /// Most tokens that it reads, special ones included; sentence-transformers may have trained it on fewer.
    pub(crate) fn limit(&self, folder: &Path) -> Result<usize, Error> {
        let positions = self.max_position_embeddings.saturating_sub(self.first_position());
        let path = folder.join("sentence_bert_config.json");
        let sentence: Option<SentenceFile> = optional(&path)?;
        Ok(sentence.and_then(|file| file.max_seq_length).map_or(positions, |most| most.min(positions)))
    }
}

impl Pooling {
    /// As the folder says; the mean where it says nothing.
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join("1_Pooling/config.json");
        let Some(file) = optional::<PoolingFile>(&path)? else { return Ok(Self::Mean) };
        let (cls, mean) = match file.pooling_mode.as_deref() {
            Some(mode) => (mode == "cls", mode == "mean"),
            None => (file.pooling_mode_cls_token, file.pooling_mode_mean_tokens),
        };
        match (cls, mean) {
            (true, false) => Ok(Self::Cls),
            (false, true) => Ok(Self::Mean),
            _ => Err(Error::Unsupported { path, what: "only pooling by the mean, or by the first token, is supported".to_owned() }),
        }
    }
}

fn optional<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    if path.exists() { json(path).map(Some) } else { Ok(None) }
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    serde_json::from_slice(&read(path)?).map_err(|error| Error::damaged(path, error))
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })
}
