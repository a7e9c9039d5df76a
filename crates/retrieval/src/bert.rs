//! BERT and its RoBERTa relatives on candle: all-MiniLM, multilingual-e5, bge-m3, KURE.
//!
//! Owns the way from a folder of files to vectors. Texts of like length are computed together; what a text is padded with has no
//! part in its vector. One batch at a time: each keeps all cores busy.

mod layers;

use std::sync::{Mutex, PoisonError};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use sha2::{Digest as _, Sha256};

use crate::config::{Config, Options, Pooling, Prompts, read};
use crate::encoder::{Encoder, Purpose};
use crate::error::Error;
use crate::tokens::Tokens;
use layers::Layers;

/// Version of everything here that can change a vector.
const VERSION: &str = "bert/1";
/// Texts in a batch.
const ROWS: usize = 16;
/// Tokens in a batch, with what it is padded with.
const BATCH_TOKENS: usize = 4096;

/// A model of the BERT family.
pub struct Bert {
    id: String,
    layers: Mutex<Layers>,
    tokens: Tokens,
    pooling: Pooling,
    prompts: Prompts,
    pad: u32,
    /// Most tokens of a text, special ones included.
    limit: usize,
    /// Most tokens of a text beside its prompt and the special ones.
    room: usize,
}

impl std::fmt::Debug for Bert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bert").field("id", &self.id).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Bert {
    /// Reads a model's files. Takes a second for each gigabyte of weights.
    pub fn open(options: &Options) -> Result<Self, Error> {
        let folder = &options.folder;
        let config = Config::read(folder)?;
        let pooling = Pooling::read(folder)?;
        let limit = config.limit(folder)?;
        let (tokens, tokenizer) = Tokens::read(folder)?;
        let path = folder.join("model.safetensors");
        let weights = read(&path)?;
        let Prompts { query, passage } = &options.prompts;
        let told = format!("{VERSION} {pooling:?} {limit} {query:?} {passage:?}");
        let id = name(&[&weights, &tokenizer, told.as_bytes()]);
        let layers = load(weights, &config).map_err(|error| Error::damaged(&path, error))?;
        let prompt = tokens.count(query)?.max(tokens.count(passage)?);
        let room = limit.saturating_sub(tokens.special() + prompt).max(1);
        let pad = config.pad_token_id as u32;
        Ok(Self { id, layers: Mutex::new(layers), tokens, pooling, prompts: options.prompts.clone(), pad, limit, room })
    }

    /// The vectors of these rows of token ids, all padded to the longest.
    fn batch(&self, rows: &[&[u32]]) -> Result<Vec<Vec<f32>>, candle_core::Error> {
        let longest = rows.iter().map(|row| row.len()).max().unwrap_or_default();
        let shape = (rows.len(), longest);
        let padded = |row: &&[u32]| row.iter().copied().chain(std::iter::repeat(self.pad)).take(longest).collect::<Vec<u32>>();
        let real = |row: &&[u32]| (0..longest).map(|at| f32::from(u8::from(at < row.len()))).collect::<Vec<f32>>();
        let ids = Tensor::from_vec(rows.iter().flat_map(padded).collect::<Vec<u32>>(), shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(rows.iter().flat_map(real).collect::<Vec<f32>>(), shape, &Device::Cpu)?;
        let hidden = self.layers.lock().unwrap_or_else(PoisonError::into_inner).forward(&ids, &mask)?;
        let pooled = match self.pooling {
            Pooling::Cls => hidden.narrow(1, 0, 1)?.squeeze(1)?,
            Pooling::Mean => {
                let sum = hidden.broadcast_mul(&mask.unsqueeze(2)?)?.sum(1)?;
                sum.broadcast_div(&mask.sum_keepdim(1)?)?
            }
        };
        let length = pooled.sqr()?.sum_keepdim(1)?.sqrt()?.clamp(f32::MIN_POSITIVE, f32::MAX)?;
        pooled.broadcast_div(&length)?.to_vec2()
    }
}

impl Encoder for Bert {
    fn id(&self) -> &str {
        &self.id
    }

    fn count(&self, text: &str) -> Result<usize, Error> {
        self.tokens.count(text)
    }

    #[allow(clippy::misnamed_getters, reason = "what callers may fill is what the model's own marks leave")]
    fn limit(&self) -> usize {
        self.room
    }

    fn encode(&self, purpose: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        let prompt = match purpose {
            Purpose::Query => &self.prompts.query,
            Purpose::Passage => &self.prompts.passage,
        };
        // As sentence-transformers does: blank space around a text is no part of it.
        let ids = texts.iter().map(|text| self.tokens.ids(&format!("{prompt}{}", text.trim()), self.limit));
        let ids: Vec<Vec<u32>> = ids.collect::<Result<_, _>>()?;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(ids[at].len()));
        let mut vectors = vec![Vec::new(); ids.len()];
        let mut rest = &order[..];
        while let Some(&longest) = rest.first() {
            let rows = (BATCH_TOKENS / ids[longest].len().max(1)).clamp(1, ROWS).min(rest.len());
            let (batch, later) = rest.split_at(rows);
            let computed = self.batch(&batch.iter().map(|&at| &ids[at][..]).collect::<Vec<_>>())?;
            for (&at, vector) in batch.iter().zip(computed) {
                vectors[at] = vector;
            }
            rest = later;
        }
        Ok(vectors)
    }
}

/// Weights of any precision, as 32-bit numbers. Some files keep them under the name of the whole model.
fn load(weights: Vec<u8>, config: &Config) -> Result<Layers, candle_core::Error> {
    let all = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
    let known = |at: &VarBuilder<'_>| at.contains_tensor("embeddings.word_embeddings.weight");
    let inside = ["bert", "roberta"].iter().map(|name| all.pp(name)).find(known);
    Layers::load(&inside.unwrap_or(all), config)
}

/// SHA-256 over the digests of these parts, hex.
fn name(parts: &[&[u8]]) -> String {
    let mut whole = Sha256::new();
    for part in parts {
        whole.update(Sha256::digest(part));
    }
    whole.finalize().iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
