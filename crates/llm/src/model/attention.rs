//! Attention of one sequence's new rows over everything it holds.
//!
//! The query heads that share a KV head are stacked, so that each KV head is one matrix product for all of them
//! (grouped-query attention without copying keys).

use candle_core::{D, DType, Device, Tensor};

use crate::config::Config;
use crate::gguf::Gguf;
use crate::model::cache::KvCache;
use crate::model::linear::{Linear, Precision};
use crate::model::rotary::Angles;
use crate::{Error, model};

/// Rows of a pass that belong to one sequence: what they may see, and at which angles they stand.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) angles: Angles,
    /// First position that any of the rows sees.
    pub(crate) from: usize,
    /// `[rows, seen]`, 0 or -inf; none where every row sees everything.
    pub(crate) mask: Option<Tensor>,
}

impl View {
    /// `rows` new tokens behind `held` ones, each seeing itself and what came before, at most `window` tokens in all.
    pub(crate) fn new(angles: Angles, held: usize, rows: usize, window: Option<usize>) -> candle_core::Result<Self> {
        let from = window.map_or(0, |window| (held + 1).saturating_sub(window));
        let seen = held + rows - from;
        let hidden = |row: usize, key: usize| key > held + row || window.is_some_and(|window| key + window <= held + row);
        let values: Vec<f32> =
            (0..rows).flat_map(|r| (from..from + seen).map(move |k| if hidden(r, k) { f32::NEG_INFINITY } else { 0.0 })).collect();
        let mask = values.iter().any(|v| *v != 0.0).then(|| Tensor::from_vec(values, (rows, seen), &Device::Cpu)).transpose()?;
        Ok(Self { angles, from, mask })
    }
}

#[derive(Debug)]
pub(crate) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    query_norm: Option<Tensor>,
    key_norm: Option<Tensor>,
    index: usize,
}

impl Attention {
    pub(crate) fn load(gguf: &Gguf, index: usize, precision: Precision) -> Result<Self, Error> {
        let linear = |name: &str| model::linear(gguf, &format!("blk.{index}.{name}"), precision);
        let norm = |name: &str| model::optional_vector(gguf, &format!("blk.{index}.{name}.weight"));
        Ok(Self {
            query: linear("attn_q")?,
            key: linear("attn_k")?,
            value: linear("attn_v")?,
            output: linear("attn_output")?,
            query_norm: norm("attn_q_norm")?,
            key_norm: norm("attn_k_norm")?,
            index,
        })
    }

    /// Queries, keys and values of all rows of a pass: `[rows, heads * head]` each, before normalisation and rotation.
    pub(crate) fn project(&self, x: &Tensor) -> candle_core::Result<[Tensor; 3]> {
        Ok([self.query.forward(x)?, self.key.forward(x)?, self.value.forward(x)?])
    }

    /// `[rows, heads * head]` to `[rows, width]`.
    pub(crate) fn finish(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.output.forward(x)
    }

    /// Attends with the projected rows of one sequence, which the cache then holds; returns `[rows, heads * head]`.
    pub(crate) fn attend(&self, [q, k, v]: &[Tensor; 3], view: &View, cache: &mut KvCache, config: &Config) -> candle_core::Result<Tensor> {
        let (rows, group) = (q.dim(0)?, config.heads / config.kv_heads);
        let q = view.angles.rotate(&heads(q, config.heads, config.head, self.query_norm.as_ref(), config.epsilon)?)?;
        let k = view.angles.rotate(&heads(k, config.kv_heads, config.head, self.key_norm.as_ref(), config.epsilon)?)?;
        let v = heads(v, config.kv_heads, config.head, None, config.epsilon)?;
        let (keys, values) = cache.append(self.index, &k, &v, view.from)?;
        let stacked = q.reshape((config.kv_heads, group * rows, config.head))?;
        let scores = (stacked.matmul(&keys.t()?)? * (1.0 / (config.head as f64).sqrt()))?;
        let scores = match &view.mask {
            None => scores,
            Some(mask) => {
                let seen = mask.dim(1)?;
                let apart = scores.reshape((config.kv_heads, group, rows, seen))?.broadcast_add(mask)?;
                apart.reshape((config.kv_heads, group * rows, seen))?
            }
        };
        let weights = candle_nn::ops::softmax_last_dim(&scores)?;
        let mixed = weights.matmul(&values)?.reshape((config.heads, rows, config.head))?;
        mixed.transpose(0, 1)?.contiguous()?.reshape((rows, config.heads * config.head))
    }
}

/// `[rows, count * head]` to contiguous `[count, rows, head]`, each head normalised where the model does so.
fn heads(x: &Tensor, count: usize, head: usize, norm: Option<&Tensor>, epsilon: f64) -> candle_core::Result<Tensor> {
    let x = x.reshape((x.dim(0)?, count, head))?;
    let x = match norm {
        Some(weight) => candle_nn::ops::rms_norm(&x.contiguous()?, weight, epsilon as f32)?,
        None => x,
    };
    debug_assert_eq!((x.dim(D::Minus1)?, x.dtype()), (head, DType::F32));
    x.transpose(0, 1)?.contiguous()
}
