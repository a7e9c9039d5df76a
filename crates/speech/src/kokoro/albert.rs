//! The phoneme encoder: ALBERT (Lan et al. 2020), one shared transformer layer applied twelve times, as PL-BERT.

use super::weights::{Mismatch, Weights};
use crate::nn::{Frames, LayerNorm, Linear, attend, gelu_tanh};

const LAYERS: usize = 12;
const HEADS: usize = 12;
const HEAD: usize = 64;
const WIDTH: usize = HEADS * HEAD;
const EMBEDDING: usize = 128;
const FEED_FORWARD: usize = 2048;
/// Positions the model was trained with: ids with the two pads.
pub(crate) const POSITIONS: usize = 512;
/// Rows of the embedding tables.
pub(crate) const SYMBOLS: usize = 178;
const EPSILON: f32 = 1e-12;

/// Token ids to contextual features.
#[derive(Debug)]
pub(crate) struct Albert {
    words: Vec<f32>,
    positions: Vec<f32>,
    segment: Vec<f32>,
    embedding_norm: LayerNorm,
    widen: Linear,
    query: Linear,
    key: Linear,
    value: Linear,
    dense: Linear,
    attention_norm: LayerNorm,
    rise: Linear,
    fall: Linear,
    output_norm: LayerNorm,
}

impl Albert {
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let bert = "/encoder/bert";
        let layer = format!("{bert}/encoder/albert_layer_groups.0/albert_layers.0");
        let attention = |name: &str| weights.linear(&format!("{layer}/attention/{name}"), WIDTH, WIDTH);
        let table = |name: &str, rows| weights.embedding(&format!("{bert}/embeddings/{name}_embeddings"), rows, EMBEDDING);
        Ok(Self {
            words: table("word", SYMBOLS)?,
            positions: table("position", POSITIONS)?,
            segment: table("token_type", 2)?[..EMBEDDING].to_vec(),
            embedding_norm: weights.layer_norm(&format!("{bert}/embeddings/LayerNorm"), EMBEDDING, EPSILON)?,
            widen: weights.linear(&format!("{bert}/encoder/embedding_hidden_mapping_in"), EMBEDDING, WIDTH)?,
            query: attention("query")?,
            key: attention("key")?,
            value: attention("value")?,
            dense: attention("dense")?,
            attention_norm: weights.layer_norm(&format!("{layer}/attention/LayerNorm"), WIDTH, EPSILON)?,
            rise: weights.linear(&format!("{layer}/ffn"), WIDTH, FEED_FORWARD)?,
            fall: weights.linear(&format!("{layer}/ffn_output"), FEED_FORWARD, WIDTH)?,
            output_norm: weights.layer_norm(&format!("{layer}/full_layer_layer_norm"), WIDTH, EPSILON)?,
        })
    }

    /// `[T]` token ids, pads included, to `[T, 768]`. At most [`POSITIONS`] ids, each below [`SYMBOLS`].
    pub(crate) fn forward(&self, ids: &[u32]) -> Frames {
        let embedded = Frames::fill(ids.len(), EMBEDDING, |row, out| {
            let word = &self.words[ids[row] as usize * EMBEDDING..][..EMBEDDING];
            let position = &self.positions[row * EMBEDDING..][..EMBEDDING];
            for (((out, word), segment), position) in out.iter_mut().zip(word).zip(&self.segment).zip(position) {
                *out = word + segment + position;
            }
            self.embedding_norm.apply(out);
        });
        let mut x = self.widen.forward(&embedded);
        for _ in 0..LAYERS {
            x = self.layer(&x);
        }
        x
    }

    fn layer(&self, x: &Frames) -> Frames {
        let mut attended = self.dense.forward(&attend([&self.query.forward(x), &self.key.forward(x), &self.value.forward(x)], HEADS, None));
        attended.update(|row, y| {
            add(y, x.row(row));
            self.attention_norm.apply(y);
        });
        let mut inner = self.rise.forward(&attended);
        inner.update(|_, row| gelu_tanh(row));
        let mut out = self.fall.forward(&inner);
        out.update(|row, y| {
            add(y, attended.row(row));
            self.output_norm.apply(y);
        });
        out
    }
}

fn add(y: &mut [f32], x: &[f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += x;
    }
}
