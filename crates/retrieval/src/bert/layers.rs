//! The forward pass: embeddings, then blocks of attention and feed-forward, each normalised behind its sum.
//!
//! Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers", section 3; RoBERTa differs in where positions begin.
//! Written on candle-nn's layers: one pass serves both families, where candle-transformers has two with two interfaces, and its
//! hundred other models take seventeen times as long to compile as all of this crate.

use candle_core::{D, Module as _, Result, Tensor};
use candle_nn::{Embedding, LayerNorm, Linear, VarBuilder, embedding, layer_norm, linear};

use crate::config::Config;

/// What a padding's place adds to the scores of attention: nothing is left of it behind the softmax.
const HIDDEN: f64 = -1e9;

pub(super) struct Layers {
    words: Embedding,
    positions: Embedding,
    /// The one kind of segment that is used, as a row.
    segment: Tensor,
    norm: LayerNorm,
    blocks: Vec<Block>,
    first_position: usize,
}

struct Block {
    attention: Attention,
    attention_norm: LayerNorm,
    up: Linear,
    down: Linear,
    norm: LayerNorm,
}

struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    heads: usize,
}

impl Layers {
    pub(super) fn load(weights: &VarBuilder<'_>, config: &Config) -> Result<Self> {
        let (size, at) = (config.hidden_size, weights.pp("embeddings"));
        let blocks = weights.pp("encoder.layer");
        Ok(Self {
            words: embedding(config.vocab_size, size, at.pp("word_embeddings"))?,
            positions: embedding(config.max_position_embeddings, size, at.pp("position_embeddings"))?,
            segment: at.get((config.type_vocab_size, size), "token_type_embeddings.weight")?.narrow(0, 0, 1)?,
            norm: layer_norm(size, config.layer_norm_eps, at.pp("LayerNorm"))?,
            blocks: (0..config.num_hidden_layers).map(|number| Block::load(&blocks.pp(number), config)).collect::<Result<_>>()?,
            first_position: config.first_position(),
        })
    }

    /// Hidden states (rows, tokens, size) of token ids (rows, tokens); `mask` is 1 where a token is, 0 where padding.
    pub(super) fn forward(&self, ids: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let (_, length) = ids.dims2()?;
        let first = self.first_position as u32;
        let positions = Tensor::arange(first, first + length as u32, ids.device())?;
        let embedded = self.words.forward(ids)?.broadcast_add(&self.positions.forward(&positions)?)?;
        let mut hidden = self.norm.forward(&embedded.broadcast_add(&self.segment)?)?;
        // 0 where a token is, far below where padding: (rows, 1, 1, tokens), the same for every head and every token that looks.
        let bias = mask.affine(-HIDDEN, HIDDEN)?.unsqueeze(1)?.unsqueeze(1)?;
        for block in &self.blocks {
            hidden = block.forward(&hidden, &bias)?;
        }
        Ok(hidden)
    }
}

impl Block {
    fn load(at: &VarBuilder<'_>, config: &Config) -> Result<Self> {
        let (size, inner, eps) = (config.hidden_size, config.intermediate_size, config.layer_norm_eps);
        let attention = at.pp("attention");
        let own = attention.pp("self");
        Ok(Self {
            attention: Attention {
                query: linear(size, size, own.pp("query"))?,
                key: linear(size, size, own.pp("key"))?,
                value: linear(size, size, own.pp("value"))?,
                output: linear(size, size, attention.pp("output.dense"))?,
                heads: config.num_attention_heads,
            },
            attention_norm: layer_norm(size, eps, attention.pp("output.LayerNorm"))?,
            up: linear(size, inner, at.pp("intermediate.dense"))?,
            down: linear(inner, size, at.pp("output.dense"))?,
            norm: layer_norm(size, eps, at.pp("output.LayerNorm"))?,
        })
    }

    fn forward(&self, hidden: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let attended = self.attention_norm.forward(&(self.attention.forward(hidden, bias)? + hidden)?)?;
        let fed = self.down.forward(&self.up.forward(&attended)?.gelu_erf()?)?;
        self.norm.forward(&(fed + attended)?)
    }
}

impl Attention {
    fn forward(&self, hidden: &Tensor, bias: &Tensor) -> Result<Tensor> {
        let (rows, length, size) = hidden.dims3()?;
        let width = size / self.heads;
        // (rows, heads, tokens, width)
        let split = |all: Tensor| all.reshape((rows, length, self.heads, width))?.transpose(1, 2)?.contiguous();
        let query = split((self.query.forward(hidden)? / (width as f64).sqrt())?)?;
        let key = split(self.key.forward(hidden)?)?;
        let value = split(self.value.forward(hidden)?)?;
        let scores = query.matmul(&key.transpose(D::Minus2, D::Minus1)?)?.broadcast_add(bias)?;
        let attended = candle_nn::ops::softmax_last_dim(&scores)?.matmul(&value)?;
        self.output.forward(&attended.transpose(1, 2)?.contiguous()?.reshape((rows, length, size))?)
    }
}
