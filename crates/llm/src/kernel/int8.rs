//! Products of 8-bit activations with 8-bit weights, exact within a group and scaled between groups.

use std::ops::Range;

use super::lanes::WIDTH;
use super::{Kernel, Lanes};

/// Values that share one scale, in activations always and in weights mostly.
pub(crate) const GROUP: usize = 32;

/// A matrix for the kernel: tiles of sixteen output columns, each word four inputs of one column.
///
/// A weight is `scale * (code - 128) + offset`, with a scale (and an offset, where the format has one) for every `group`
/// inputs. Quantised GGUF types are laid out so without a loss.
#[derive(Debug)]
pub(crate) struct Weights {
    /// Inputs of a column.
    pub(crate) depth: usize,
    /// 16 or 32 inputs.
    pub(crate) group: usize,
    /// `[tiles][depth / 4]`, each sixteen words.
    pub(crate) codes: Vec<[u8; 64]>,
    /// `[tiles][depth / group]`.
    pub(crate) scales: Vec<[f32; WIDTH]>,
    /// As scales, or empty.
    pub(crate) offsets: Vec<[f32; WIDTH]>,
}

/// One row's values of one group, in a cache line: what the kernel needs of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Group {
    /// 8-bit values, four to a word.
    pub(crate) words: [i32; GROUP / 4],
    pub(crate) scale: f32,
    /// Sum of the values, and of the values as they are scaled: of the first half, the second, and all.
    pub(crate) sums: [i32; 3],
    pub(crate) scaled: [f32; 3],
}

/// Rows of activations as 8-bit numbers.
#[derive(Debug, Default)]
pub(crate) struct Activations {
    pub(crate) rows: usize,
    /// `[depth / 32][rows]`.
    pub(crate) groups: Vec<Group>,
}

/// Some rows of activations times some tiles of a matrix.
pub(crate) struct Product<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) tiles: Range<usize>,
    pub(crate) input: &'a Activations,
    pub(crate) rows: Range<usize>,
    /// `[rows][stride]`; sixteen results a tile.
    pub(crate) out: &'a mut [f32],
    pub(crate) stride: usize,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        match (self.weights.group, self.weights.offsets.is_empty()) {
            (GROUP, true) => self.all::<L, 8, false>(lanes),
            (GROUP, false) => self.all::<L, 8, true>(lanes),
            (_, true) => self.all::<L, 4, false>(lanes),
            (_, false) => self.all::<L, 4, true>(lanes),
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn all<L: Lanes, const WORDS: usize, const OFFSET: bool>(&mut self, lanes: L) {
        for tile in self.tiles.clone() {
            let mut row = self.rows.start;
            while row < self.rows.end {
                row += match self.rows.end - row {
                    12.. => self.tile::<L, 12, WORDS, OFFSET>(lanes, tile, row),
                    8.. => self.tile::<L, 8, WORDS, OFFSET>(lanes, tile, row),
                    4.. => self.tile::<L, 4, WORDS, OFFSET>(lanes, tile, row),
                    2.. => self.tile::<L, 2, WORDS, OFFSET>(lanes, tile, row),
                    _ => self.tile::<L, 1, WORDS, OFFSET>(lanes, tile, row),
                };
            }
        }
    }

    /// One tile for some rows at once: each word of weights is loaded once for all of them. Says how many rows it did.
    #[inline(always)]
    fn tile<L: Lanes, const ROWS: usize, const WORDS: usize, const OFFSET: bool>(&mut self, lanes: L, tile: usize, first: usize) -> usize {
        let (weights, input) = (self.weights, self.input);
        let groups = weights.depth / (4 * WORDS);
        let codes = &weights.codes[tile * groups * WORDS..][..groups * WORDS].as_chunks::<WORDS>().0[..groups];
        let scales = &weights.scales[tile * groups..][..groups];
        let offsets = if OFFSET { &weights.offsets[tile * groups..][..groups] } else { &[] };
        let mut totals = [lanes.splat(0.0); ROWS];
        for group in 0..groups {
            let scale = lanes.load(&scales[group]);
            let (block, half, which) = if WORDS == 8 { (group, 0, 2) } else { (group / 2, group % 2, group % 2) };
            let Some(rows) = input.groups[block * input.rows + first..].first_chunk::<ROWS>() else { break };
            unrolled!(ROWS, r, {
                let own = &rows[r];
                let exact = lanes.dot(&codes[group], &own.words.as_chunks::<WORDS>().0[half], own.sums[which]);
                totals[r] = lanes.fma(exact, lanes.mul(scale, lanes.splat(own.scale)), totals[r]);
                if OFFSET {
                    totals[r] = lanes.fma(lanes.load(&offsets[group]), lanes.splat(own.scaled[which]), totals[r]);
                }
            });
        }
        for (r, total) in totals.iter().enumerate() {
            let at = (first + r - self.rows.start) * self.stride + (tile - self.tiles.start) * WIDTH;
            lanes.store(&mut self.out[at..][..WIDTH].as_chunks_mut::<WIDTH>().0[0], *total);
        }
        ROWS
    }
}

impl Activations {
    /// Some of the rows.
    pub(crate) fn select(&self, wanted: &[usize]) -> Self {
        let groups = self.groups.chunks_exact(self.rows.max(1)).flat_map(|rows| wanted.iter().map(|row| rows[*row])).collect();
        Self { rows: wanted.len(), groups }
    }
}

/// Rounds some groups of all rows to 8 bits.
pub(crate) struct Quantise<'a> {
    /// `[rows][depth]`.
    pub(crate) values: &'a [f32],
    pub(crate) depth: usize,
    /// The first of the groups.
    pub(crate) first: usize,
    /// `[groups][rows]`.
    pub(crate) out: &'a mut [Group],
}

impl Kernel for Quantise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let rows = self.values.len() / self.depth;
        for (index, groups) in self.out.chunks_exact_mut(rows.max(1)).enumerate() {
            for (row, group) in groups.iter_mut().enumerate() {
                let values = &self.values[row * self.depth + (self.first + index) * GROUP..][..GROUP];
                quantise(lanes, values.as_chunks::<WIDTH>().0, group);
            }
        }
    }
}

#[inline(always)]
fn quantise<L: Lanes>(lanes: L, halves: &[[f32; WIDTH]], group: &mut Group) {
    // Adding 1.5 * 2^23 rounds to an integer, ties to even, and leaves it in the low bits.
    let magic = lanes.splat(12_582_912.0);
    let (low, high, zero) = (lanes.load(&halves[0]), lanes.load(&halves[1]), lanes.splat(0.0));
    let low_size = lanes.max(low, lanes.sub(zero, low));
    let high_size = lanes.max(high, lanes.sub(zero, high));
    let most = lanes.greatest(lanes.max(low_size, high_size));
    let inverse = lanes.splat(if most > f32::MIN_POSITIVE { 127.0 / most } else { 0.0 });
    group.scale = most / 127.0;
    let mut rounded = [[0.0; WIDTH]; 2];
    lanes.store(&mut rounded[0], lanes.add(lanes.mul(low, inverse), magic));
    lanes.store(&mut rounded[1], lanes.add(lanes.mul(high, inverse), magic));
    for (half, rounded) in rounded.iter().enumerate() {
        let mut sum = 0;
        for word in 0..4 {
            let mut four = 0u32;
            for i in 0..4 {
                let code = rounded[4 * word + i].to_bits() & 0xFF;
                sum += i32::from((code as u8).cast_signed());
                four |= code << (8 * i);
            }
            group.words[4 * half + word] = four.cast_signed();
        }
        group.sums[half] = sum;
    }
    group.sums[2] = group.sums[0] + group.sums[1];
    for (scaled, sum) in group.scaled.iter_mut().zip(group.sums) {
        *scaled = group.scale * sum as f32;
    }
}
