//! The forward pass: token ids in, logits out.
//!
//! A pass takes rows of one or more sequences packed into one matrix. Everything but attention sees just rows; attention
//! goes sequence by sequence over its [`KvCache`]. So a batch is a longer list, and a shared prefix a cache that starts full.

mod attention;
mod cache;
mod linear;
mod rotary;
#[cfg(test)]
mod tests;

use candle_core::{Device, Tensor};

use crate::Error;
use crate::config::{Activation, Config};
use crate::gguf::Gguf;
use attention::{Attention, View};
pub(crate) use cache::KvCache;
use linear::Linear;
pub use linear::Precision;
use rotary::Rotary;

/// New tokens of one sequence, behind what its cache holds.
pub(crate) struct Run<'a> {
    pub(crate) tokens: &'a [u32],
    pub(crate) cache: &'a mut KvCache,
}

#[derive(Debug)]
struct Block {
    attention_norm: Tensor,
    attention: Attention,
    attention_post_norm: Option<Tensor>,
    mlp_norm: Tensor,
    gate: Linear,
    up: Linear,
    down: Linear,
    mlp_post_norm: Option<Tensor>,
}

#[derive(Debug)]
pub(crate) struct Model {
    config: Config,
    embedding: Linear,
    /// None where the output shares the embedding.
    head: Option<Linear>,
    norm: Tensor,
    blocks: Vec<Block>,
    global: Rotary,
    local: Rotary,
}

impl Model {
    pub(crate) fn load(gguf: &Gguf, config: Config, precision: Precision) -> Result<Self, Error> {
        let factors = optional_vector(gguf, "rope_freqs.weight")?.map(|t| t.to_vec1::<f32>()).transpose()?;
        let head = gguf.has_tensor("output.weight").then(|| linear(gguf, "output", precision)).transpose()?;
        Ok(Self {
            embedding: linear(gguf, "token_embd", precision)?,
            head,
            norm: vector(gguf, "output_norm.weight")?,
            blocks: (0..config.layers).map(|i| Block::load(gguf, i, precision)).collect::<Result<_, _>>()?,
            global: Rotary::new(&config, config.rope_base, config.rope_scale, factors.as_deref()),
            local: Rotary::new(&config, config.rope_base_local, 1.0, None),
            config,
        })
    }

    pub(crate) fn new_cache(&self) -> candle_core::Result<KvCache> {
        KvCache::new(self.config.layers, self.config.kv_heads, self.config.head)
    }

    /// Runs all rows of `runs` and returns the normalised hidden state of each run's last row, `[runs, width]`.
    pub(crate) fn forward(&self, runs: &mut [Run<'_>]) -> candle_core::Result<Tensor> {
        let mut end = 0;
        let ends: Vec<u32> = runs.iter().map(|run| (end += run.tokens.len(), end as u32 - 1).1).collect();
        let rows = self.rows(runs)?.index_select(&Tensor::new(ends, &Device::Cpu)?, 0)?;
        self.normalise(&rows)
    }

    /// Runs all rows of `runs` and returns their hidden states, `[rows, width]`.
    fn rows(&self, runs: &mut [Run<'_>]) -> candle_core::Result<Tensor> {
        let tokens: Vec<u32> = runs.iter().flat_map(|r| r.tokens).copied().collect();
        let views = runs.iter_mut().map(|run| self.views(run)).collect::<candle_core::Result<Vec<_>>>()?;
        let mut x = (self.embedding.rows(&tokens)? * self.config.embedding_scale)?;
        for (index, block) in self.blocks.iter().enumerate() {
            let local = self.config.is_local(index);
            let own = views.iter().map(|[global, windowed]| if local { windowed } else { global }).collect::<Vec<_>>();
            x = block.forward(&x, runs, &own, &self.config)?;
        }
        for run in runs {
            run.cache.advance(run.tokens.len());
        }
        Ok(x)
    }

    fn normalise(&self, hidden: &Tensor) -> candle_core::Result<Tensor> {
        candle_nn::ops::rms_norm(hidden, &self.norm, self.config.epsilon as f32)
    }

    /// Logits of every token, `[rows, vocabulary]`, for hidden states `[rows, width]`.
    pub(crate) fn logits(&self, hidden: &Tensor) -> candle_core::Result<Tensor> {
        self.head.as_ref().unwrap_or(&self.embedding).forward(hidden)
    }

    /// Logits of a few tokens only, `[rows, ids]`: much cheaper than all where a grammar leaves little choice.
    pub(crate) fn logits_of(&self, hidden: &Tensor, ids: &[u32]) -> candle_core::Result<Tensor> {
        let rows = self.head.as_ref().unwrap_or(&self.embedding).rows(ids)?;
        hidden.matmul(&rows.t()?)
    }

    /// What the run's rows see in global layers, and in windowed ones.
    fn views(&self, run: &mut Run<'_>) -> candle_core::Result<[View; 2]> {
        let (held, rows) = (run.cache.len(), run.tokens.len());
        run.cache.reserve(rows)?;
        let global = View::new(self.global.angles(held, rows)?, held, rows, None)?;
        let local = View::new(self.local.angles(held, rows)?, held, rows, self.config.window)?;
        Ok([global, local])
    }
}

impl Block {
    fn load(gguf: &Gguf, index: usize, precision: Precision) -> Result<Self, Error> {
        let name = |part: &str| format!("blk.{index}.{part}");
        Ok(Self {
            attention_norm: vector(gguf, &name("attn_norm.weight"))?,
            attention: Attention::load(gguf, index, precision)?,
            attention_post_norm: optional_vector(gguf, &name("post_attention_norm.weight"))?,
            mlp_norm: vector(gguf, &name("ffn_norm.weight"))?,
            gate: linear(gguf, &name("ffn_gate"), precision)?,
            up: linear(gguf, &name("ffn_up"), precision)?,
            down: linear(gguf, &name("ffn_down"), precision)?,
            mlp_post_norm: optional_vector(gguf, &name("post_ffw_norm.weight"))?,
        })
    }

    fn forward(&self, x: &Tensor, runs: &mut [Run<'_>], views: &[&View], config: &Config) -> candle_core::Result<Tensor> {
        let norm = |x: &Tensor, weight: &Tensor| candle_nn::ops::rms_norm(x, weight, config.epsilon as f32);
        let projected = self.attention.project(&norm(x, &self.attention_norm)?)?;
        let mut mixed = Vec::with_capacity(runs.len());
        let mut start = 0;
        for (run, view) in runs.iter_mut().zip(views) {
            let rows = run.tokens.len();
            let own = |t: &Tensor| t.narrow(0, start, rows);
            let [q, k, v] = &projected;
            mixed.push(self.attention.attend(&[own(q)?, own(k)?, own(v)?], view, run.cache, config)?);
            start += rows;
        }
        let mut y = self.attention.finish(&Tensor::cat(&mixed, 0)?)?;
        if let Some(weight) = &self.attention_post_norm {
            y = norm(&y, weight)?;
        }
        let x = (x + y)?;
        let inner = norm(&x, &self.mlp_norm)?;
        let gate = self.gate.forward(&inner)?;
        let gate = match config.activation {
            Activation::Silu => candle_nn::ops::silu(&gate)?,
            Activation::Gelu => gate.gelu()?,
        };
        let mut y = self.down.forward(&(gate * self.up.forward(&inner)?)?)?;
        if let Some(weight) = &self.mlp_post_norm {
            y = norm(&y, weight)?;
        }
        x + y
    }
}

/// The matrix `name.weight`, with `name.bias` where there is one.
fn linear(gguf: &Gguf, name: &str, precision: Precision) -> Result<Linear, Error> {
    let bias = optional_vector(gguf, &format!("{name}.bias"))?;
    Ok(Linear::new(gguf.tensor(&format!("{name}.weight"))?, bias, precision)?)
}

fn vector(gguf: &Gguf, name: &str) -> Result<Tensor, Error> {
    Ok(gguf.tensor(name)?.dequantize(&Device::Cpu)?)
}

fn optional_vector(gguf: &Gguf, name: &str) -> Result<Option<Tensor>, Error> {
    gguf.has_tensor(name).then(|| vector(gguf, name)).transpose()
}
