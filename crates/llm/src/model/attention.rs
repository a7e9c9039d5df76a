//! Attention of packed rows over pages.
//!
//! Rows of all sequences that hold the same page are stacked into one product, so a shared rubric is read once for all of
//! them. Each row meets its pages from the first position on, one softmax a page, merged from left to right by log-sum-exp
//! (as FlashAttention does, Dao et al., 2022). A row's result depends on its own pages alone: not on who shares them, not on
//! how its rows were packed.

#![allow(clippy::inline_always, reason = "what is not inlined is compiled without the instructions of whoever runs it")]

use std::ops::Range;

use rayon::prelude::*;

use super::pages::{PAGE, Pages};
use super::{Batch, Shape};
use crate::kernel::float::{PANEL, Product};
use crate::kernel::vector::{Soften, exp};
use crate::kernel::{Kernel, Lanes, Processor};

/// Below every score: a row that has seen nothing yet.
const LOWEST: f32 = -1e30;

/// All heads of one layer for all rows of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) index: usize,
    pub(super) shape: Shape,
    /// Positions that a row looks back on, itself included.
    pub(super) window: Option<usize>,
    pub(super) batch: &'a Batch,
    pub(super) pages: &'a Pages,
    /// `[rows][heads * head]`.
    pub(super) queries: &'a [f32],
}

impl Layer<'_> {
    /// `[rows][heads * head]`.
    pub(super) fn attend(self, processor: Processor) -> Vec<f32> {
        let (rows, Shape { heads, kv_heads, head }) = (self.batch.len(), self.shape);
        let group = heads / kv_heads * head;
        let pieces = (4 * rayon::current_num_threads()).div_ceil(kv_heads);
        let step = rows.div_ceil(pieces).clamp(4, 32);
        let items: Vec<(usize, Range<usize>)> =
            (0..kv_heads).flat_map(|h| (0..rows).step_by(step).map(move |first| (h, first..rows.min(first + step)))).collect();
        let compute = |(head, rows): &(usize, Range<usize>)| processor.run(Item { layer: self, head: *head, rows: rows.clone() });
        let parts: Vec<Vec<f32>> = items.par_iter().with_max_len(1).map(compute).collect();
        let mut out = vec![0.0; rows * heads * head];
        for ((kv_head, rows), part) in items.iter().zip(&parts) {
            for (row, from) in rows.clone().zip(part.chunks_exact(group)) {
                out[row * heads * head + kv_head * group..][..group].copy_from_slice(from);
            }
        }
        out
    }

    /// Slots of page `page` that `row` sees.
    fn seen(&self, row: usize, page: usize) -> Range<usize> {
        let (position, first) = (self.batch.positions[row], page * PAGE);
        let from = self.window.map_or(0, |window| (position + 1).saturating_sub(window).saturating_sub(first));
        from.min(PAGE)..(position + 1).saturating_sub(first).min(PAGE)
    }

    fn page_of(&self, row: usize, page: usize) -> Option<usize> {
        (!self.seen(row, page).is_empty()).then(|| self.batch.tables[self.batch.lanes[row]][page])
    }
}

/// The query heads of one KV head, for some rows.
struct Item<'a> {
    layer: Layer<'a>,
    head: usize,
    rows: Range<usize>,
}

/// What the queries of an item have seen so far.
struct State {
    /// Greatest score of each query.
    most: Vec<f32>,
    /// Sum of weights relative to it.
    sum: Vec<f32>,
    /// Weighted sum of values, `[queries][padded]`.
    mixed: Vec<f32>,
    /// The same for the page at hand.
    scores: Vec<f32>,
    fresh: Vec<f32>,
    /// The page at hand, where it is kept in fewer bits.
    wide: Vec<f32>,
}

impl Kernel for Item<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> Vec<f32> {
        let Shape { heads, kv_heads, head } = self.layer.shape;
        let (group, padded) = (heads / kv_heads, self.layer.pages.padded());
        let scale = 1.0 / (head as f32).sqrt();
        let own = |row| &self.layer.queries[row * heads * head + self.head * group * head..][..group * head];
        let queries: Vec<f32> = self.rows.clone().flat_map(own).map(|q| q * scale).collect();
        let count = self.rows.len() * group;
        let mut state = State {
            most: vec![LOWEST; count],
            sum: vec![0.0; count],
            mixed: vec![0.0; count * padded],
            scores: vec![0.0; count * PAGE],
            fresh: vec![0.0; count * padded],
            wide: Vec::new(),
        };
        let end = self.layer.batch.positions[self.rows.clone()].iter().max().map_or(0, |last| last / PAGE + 1);
        for index in 0..end {
            let mut row = self.rows.start;
            while row < self.rows.end {
                let page = self.layer.page_of(row, index);
                let same = (row..self.rows.end).take_while(|r| self.layer.page_of(*r, index) == page).count();
                if let Some(page) = page {
                    self.meet(lanes, &queries, &mut state, row..row + same, (index, page));
                }
                row += same;
            }
        }
        let mut out = Vec::with_capacity(count * head);
        for (mixed, sum) in state.mixed.chunks_exact(padded).zip(&state.sum) {
            out.extend(mixed[..head].iter().map(|value| value / sum));
        }
        out
    }
}

impl Item<'_> {
    /// `rows`, which all hold this page and see something of it, meet it.
    #[inline(always)]
    fn meet<L: Lanes>(&self, lanes: L, queries: &[f32], state: &mut State, rows: Range<usize>, (index, page): (usize, usize)) {
        let Shape { heads, kv_heads, head } = self.layer.shape;
        let (group, padded) = (heads / kv_heads, self.layer.pages.padded());
        let (keys, values) = self.layer.pages.read(page, self.layer.index, self.head, &mut state.wide);
        let first = (rows.start - self.rows.start) * group;
        let count = rows.len() * group;
        let a = &queries[first * head..];
        let out = &mut state.scores[first * PAGE..];
        Product { a, stride_a: head, rows: count, b: keys, stride_b: PAGE, depth: head, out, stride_out: PAGE }.run(lanes);
        let mut depth = 0;
        let mut peaks = Vec::with_capacity(count);
        for (i, scores) in state.scores[first * PAGE..][..count * PAGE].chunks_exact_mut(PAGE).enumerate() {
            let seen = self.layer.seen(rows.start + i / group, index);
            scores[..seen.start].fill(f32::NEG_INFINITY);
            scores[seen.end..].fill(f32::NEG_INFINITY);
            depth = depth.max(seen.end);
            peaks.push(Soften(scores).run(lanes));
        }
        for column in (0..padded).step_by(PANEL) {
            let (a, b) = (&state.scores[first * PAGE..], &values[column..]);
            let out = &mut state.fresh[first * padded + column..];
            Product { a, stride_a: PAGE, rows: count, b, stride_b: padded, depth, out, stride_out: padded }.run(lanes);
        }
        for (i, peak) in peaks.into_iter().enumerate() {
            state.merge(lanes, first + i, padded, peak);
        }
    }
}

impl State {
    #[inline(always)]
    fn merge<L: Lanes>(&mut self, lanes: L, query: usize, padded: usize, (most, sum): (f32, f32)) {
        let peak = self.most[query].max(most);
        let mut weights = [0.0; 16];
        (weights[0], weights[1]) = (self.most[query] - peak, most - peak);
        let both = exp(lanes, lanes.load(&weights));
        lanes.store(&mut weights, both);
        let (keep, take) = (weights[0], weights[1]);
        self.most[query] = peak;
        self.sum[query] = sum.mul_add(take, self.sum[query] * keep);
        let (keep, take) = (lanes.splat(keep), lanes.splat(take));
        let mixed = self.mixed[query * padded..][..padded].as_chunks_mut::<16>().0;
        let fresh = self.fresh[query * padded..][..padded].as_chunks::<16>().0;
        for (mixed, fresh) in mixed.iter_mut().zip(fresh) {
            let sum = lanes.fma(lanes.load(fresh), take, lanes.mul(lanes.load(mixed), keep));
            lanes.store(mixed, sum);
        }
    }
}
