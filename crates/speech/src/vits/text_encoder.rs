//! Symbols to the mean and deviation of the prior: a transformer that attends by distance (Shaw et al. 2018).

use super::weights::{Mismatch, Weights, mismatch};
use crate::nn::{Activation, Conv1d, Frames, LayerNorm, Relative, SameConv, attend};

#[derive(Debug)]
pub(super) struct TextEncoder {
    embedding: Vec<f32>,
    width: usize,
    layers: Vec<Layer>,
    projection: Conv1d,
}

#[derive(Debug)]
struct Layer {
    query: Conv1d,
    key: Conv1d,
    value: Conv1d,
    output: Conv1d,
    relative: Relative,
    attention_norm: LayerNorm,
    rise: SameConv,
    fall: SameConv,
    output_norm: LayerNorm,
}

/// What the encoder says of each symbol.
#[derive(Debug)]
pub(super) struct Encoded {
    pub(super) hidden: Frames,
    pub(super) mean: Frames,
    pub(super) log_deviation: Frames,
}

impl TextEncoder {
    pub(super) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let (embedding, width) = weights.table("/enc_p/emb")?;
        let mut layers = Vec::new();
        while weights.has(&format!("/enc_p/encoder/attn_layers.{}/conv_q", layers.len())) {
            layers.push(Layer::load(weights, layers.len(), width)?);
        }
        Ok(Self { embedding, width, layers, projection: weights.conv("/enc_p/proj")? })
    }

    /// Rows of the table of symbols.
    pub(super) fn symbols(&self) -> usize {
        self.embedding.len() / self.width
    }

    pub(super) fn forward(&self, ids: &[u32]) -> Encoded {
        let scale = (self.width as f32).sqrt();
        let mut x = Frames::fill(ids.len(), self.width, |row, out| {
            let embedded = &self.embedding[ids[row] as usize * self.width..][..self.width];
            for (out, x) in out.iter_mut().zip(embedded) {
                *out = x * scale;
            }
        });
        for layer in &self.layers {
            x = layer.forward(x);
        }
        let both = self.projection.forward(&x);
        let half = both.cols() / 2;
        Encoded { hidden: x, mean: both.columns(0..half), log_deviation: both.columns(half..2 * half) }
    }
}

impl Layer {
    fn load(weights: &Weights<'_>, index: usize, width: usize) -> Result<Self, Mismatch> {
        let encoder = |kind: &str| format!("/enc_p/encoder/{kind}.{index}");
        let attention = |name: &str| weights.conv(&format!("{}/{name}", encoder("attn_layers")));
        let feed_forward = |name: &str| weights.same_conv(&format!("{}/{name}", encoder("ffn_layers")));
        let norm = |kind: &str| weights.layer_norm(&format!("enc_p.encoder.{kind}.{index}"));
        let relative = |name: &str| weights.parameter(&format!("enc_p.encoder.attn_layers.{index}.emb_rel_{name}"));
        let (keys, values) = (relative("k")?, relative("v")?);
        // 2 * 4 + 1 distances, one table for all heads.
        let head = keys.len() / Relative::DISTANCES;
        if head == 0 || !width.is_multiple_of(head) || keys.len() != head * Relative::DISTANCES || values.len() != keys.len() {
            return Err(mismatch(&encoder("attn_layers"), "a table of distances of another shape"));
        }
        Ok(Self {
            query: attention("conv_q")?,
            key: attention("conv_k")?,
            value: attention("conv_v")?,
            output: attention("conv_o")?,
            relative: Relative { keys, values },
            attention_norm: norm("norm_layers_1")?,
            rise: feed_forward("conv_1")?,
            fall: feed_forward("conv_2")?,
            output_norm: norm("norm_layers_2")?,
        })
    }

    fn forward(&self, x: Frames) -> Frames {
        let heads = x.cols() / self.relative.head();
        let attended = attend([&self.query.forward(&x), &self.key.forward(&x), &self.value.forward(&x)], heads, Some(&self.relative));
        let mut x = x;
        self.output.run(&attended, &Activation::Leave, &mut x, true);
        x.update(|_, row| self.attention_norm.apply(row));
        let inner = self.rise.after(&x, &Activation::Leave);
        self.fall.run(&inner, &Activation::LeakyRelu(0.0), &mut x, true);
        x.update(|_, row| self.output_norm.apply(row));
        x
    }
}
