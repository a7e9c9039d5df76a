//! One layer: attention and the gated network behind it.

use rayon::prelude::*;

use super::attention::Layer;
use super::linear::{Input, Linear, project};
use super::pages::{PAGE, Pages};
use super::rotary::Rotary;
use super::{Batch, Model, Shape, Source};
use crate::Error;
use crate::config::{Activation, Config, Rotary as Pairing};
use crate::kernel::vector::{Add, Gate, RmsNorm, Rotate};

/// Rows that one thread takes at a time.
const PIECE: usize = 16;

#[derive(Debug)]
pub(super) struct Block {
    attention_norm: Vec<f32>,
    query: Linear,
    key: Linear,
    value: Linear,
    query_norm: Option<Vec<f32>>,
    key_norm: Option<Vec<f32>>,
    output: Linear,
    attention_post_norm: Option<Vec<f32>>,
    mlp_norm: Vec<f32>,
    gate: Linear,
    up: Linear,
    down: Linear,
    mlp_post_norm: Option<Vec<f32>>,
}

/// A pass on its way through one layer.
pub(super) struct Pass<'a> {
    pub(super) model: &'a Model,
    pub(super) batch: &'a Batch,
    pub(super) pages: &'a mut Pages,
    pub(super) rotary: &'a Rotary,
    pub(super) window: Option<usize>,
    pub(super) index: usize,
    /// Rows that are needed behind this layer, if not all.
    pub(super) keep: Option<&'a [usize]>,
}

impl Block {
    pub(super) fn load(source: Source<'_>, index: usize, config: &Config) -> Result<Self, Error> {
        let name = |part: &str| format!("blk.{index}.{part}");
        let Config { width, head, heads, kv_heads, .. } = *config;
        // Pairs (0, 1), (2, 3), ... become pairs (0, half), (1, half + 1), ...: scores do not mind the order within a head.
        let paired = move |row: usize| row / head * head + row % head % (head / 2) * 2 + row % head / (head / 2);
        let rotated = |part: &str, heads: usize| match config.rotary {
            Pairing::Halves => source.linear(&name(part), heads * head, width),
            Pairing::Interleaved => source.ordered(&name(part), [heads * head, width], &paired),
        };
        let gate = source.linear(&name("ffn_gate"), 0, width)?;
        let inner = gate.outputs();
        Ok(Self {
            attention_norm: source.vector(&name("attn_norm.weight"), width)?,
            query: rotated("attn_q", heads)?,
            key: rotated("attn_k", kv_heads)?,
            value: source.linear(&name("attn_v"), kv_heads * head, width)?,
            query_norm: source.optional_vector(&name("attn_q_norm.weight"), head)?,
            key_norm: source.optional_vector(&name("attn_k_norm.weight"), head)?,
            output: source.linear(&name("attn_output"), width, heads * head)?,
            attention_post_norm: source.optional_vector(&name("post_attention_norm.weight"), width)?,
            mlp_norm: source.vector(&name("ffn_norm.weight"), width)?,
            up: source.linear(&name("ffn_up"), inner, width)?,
            down: source.linear(&name("ffn_down"), width, inner)?,
            gate,
            mlp_post_norm: source.optional_vector(&name("post_ffw_norm.weight"), width)?,
        })
    }

    pub(super) fn bytes(&self) -> usize {
        [&self.query, &self.key, &self.value, &self.output, &self.gate, &self.up, &self.down].map(Linear::bytes).iter().sum()
    }

    /// `[rows][width]` to the same, or to the rows that are kept.
    pub(super) fn forward(&self, mut x: Vec<f32>, pass: &mut Pass<'_>) -> Vec<f32> {
        let model = pass.model;
        let mut mixed = self.attend(&x, pass);
        if let Some(keep) = pass.keep {
            x = chosen(&x, x.len() / pass.batch.len(), keep);
            mixed = chosen(&mixed, mixed.len() / pass.batch.len(), keep);
        }
        let depth = model.config.heads * model.config.head;
        let [y] = project(model.processor, [&self.output], &Input::new(mixed, depth, model.precision, model.processor));
        Self::join(&mut x, y, self.attention_post_norm.as_deref(), model);
        let [gate, up] = project(model.processor, [&self.gate, &self.up], &model.input(&x, &self.mlp_norm));
        let inner = activate(gate, &up, self.gate.outputs(), model);
        let [y] = project(model.processor, [&self.down], &Input::new(inner, self.gate.outputs(), model.precision, model.processor));
        Self::join(&mut x, y, self.mlp_post_norm.as_deref(), model);
        x
    }

    /// `x += y`, normalised where the model does so.
    fn join(x: &mut [f32], mut y: Vec<f32>, norm: Option<&[f32]>, model: &Model) {
        if let Some(weight) = norm {
            y = model.normalise(&y, weight);
        }
        model.processor.run(Add { x, y: &y });
    }

    /// Projects and rotates, writes keys and values into their pages, attends.
    fn attend(&self, x: &[f32], pass: &mut Pass<'_>) -> Vec<f32> {
        let (model, config) = (pass.model, &pass.model.config);
        let input = model.input(x, &self.attention_norm);
        let [mut queries, mut keys, values] = project(model.processor, [&self.query, &self.key, &self.value], &input);
        Self::turn(&mut queries, config.heads, self.query_norm.as_deref(), pass);
        Self::turn(&mut keys, config.kv_heads, self.key_norm.as_deref(), pass);
        let head = config.head;
        for (row, (keys, values)) in keys.chunks_exact(config.kv_heads * head).zip(values.chunks_exact(config.kv_heads * head)).enumerate()
        {
            let position = pass.batch.positions[row];
            let page = pass.batch.tables[pass.batch.lanes[row]][position / PAGE];
            for (h, (key, value)) in keys.chunks_exact(head).zip(values.chunks_exact(head)).enumerate() {
                pass.pages.write(page, [pass.index, h], position, key, value);
            }
        }
        let shape = Shape { heads: config.heads, kv_heads: config.kv_heads, head };
        let (index, window, batch, pages) = (pass.index, pass.window, pass.batch, &*pass.pages);
        Layer { index, shape, window, batch, pages, queries: &queries }.attend(model.processor)
    }

    /// Normalises heads where the model does so, and rotates them to their positions.
    fn turn(rows: &mut [f32], heads: usize, norm: Option<&[f32]>, pass: &Pass<'_>) {
        let (model, head) = (pass.model, pass.model.config.head);
        let width = heads * head;
        rows.par_chunks_mut(PIECE * width).zip(pass.batch.positions.par_chunks(PIECE)).for_each(|(rows, positions)| {
            for (row, position) in rows.chunks_exact_mut(width).zip(positions) {
                if let Some(weight) = norm {
                    let whole = row.to_vec();
                    model.processor.run(RmsNorm { rows: &whole, weight, epsilon: model.config.epsilon as f32, out: row });
                }
                let (cos, sin) = pass.rotary.angles(*position);
                model.processor.run(Rotate { heads: row, head, cos, sin });
            }
        });
    }
}

fn activate(mut gate: Vec<f32>, up: &[f32], width: usize, model: &Model) -> Vec<f32> {
    let gelu = model.config.activation == Activation::Gelu;
    let pieces = gate.par_chunks_mut(PIECE * width).zip(up.par_chunks(PIECE * width));
    pieces.for_each(|(gate, up)| model.processor.run(Gate { inner: gate, up, gelu }));
    gate
}

/// Some rows of `[rows][width]`.
fn chosen(rows: &[f32], width: usize, wanted: &[usize]) -> Vec<f32> {
    wanted.iter().flat_map(|row| &rows[row * width..][..width]).copied().collect()
}
