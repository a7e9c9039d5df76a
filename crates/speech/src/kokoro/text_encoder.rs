//! Phoneme features for the decoder: embedding, three convolutions, one LSTM.

use super::albert::SYMBOLS;
use super::weights::{Mismatch, Weights};
use crate::nn::{BiLstm, Conv1d, Frames, Geometry, LayerNorm, leaky_relu};

const WIDTH: usize = 512;
const EPSILON: f32 = 1e-5;

#[derive(Debug)]
pub(crate) struct TextEncoder {
    embedding: Vec<f32>,
    layers: [(Conv1d, LayerNorm); 3],
    lstm: BiLstm,
}

impl TextEncoder {
    pub(crate) fn load(weights: &Weights<'_>) -> Result<Self, Mismatch> {
        let module = "/encoder/text_encoder";
        let layer = |index: usize| -> Result<(Conv1d, LayerNorm), Mismatch> {
            let cnn = format!("{module}/cnn.{index}/cnn.{index}");
            let conv = weights.conv(&format!("{cnn}.0"), [WIDTH, WIDTH], Geometry::same(5, 1))?;
            Ok((conv, weights.layer_norm(&format!("{cnn}.1"), WIDTH, EPSILON)?))
        };
        Ok(Self {
            embedding: weights.embedding(&format!("{module}/embedding"), SYMBOLS, WIDTH)?,
            layers: [layer(0)?, layer(1)?, layer(2)?],
            lstm: weights.lstm(&format!("{module}/lstm"), WIDTH, WIDTH / 2)?,
        })
    }

    /// `[T]` token ids to `[T, 512]`.
    pub(crate) fn forward(&self, ids: &[u32]) -> Frames {
        let mut x = Frames::fill(ids.len(), WIDTH, |row, out| {
            out.copy_from_slice(&self.embedding[ids[row] as usize * WIDTH..][..WIDTH]);
        });
        for (conv, norm) in &self.layers {
            x = conv.forward(&x);
            x.update(|_, row| {
                norm.apply(row);
                for x in row {
                    *x = leaky_relu(*x, 0.2);
                }
            });
        }
        self.lstm.forward(&x)
    }
}
