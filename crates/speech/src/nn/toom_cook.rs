//! Convolution with half the multiplications: Toom-Cook, or Winograd's minimal filtering (Winograd 1980, Lavin and Gray 2016).
//!
//! Four outputs of four taps need 16 multiplications directly and 7 this way: transform seven inputs, multiply point by
//! point, transform back. Here each of the seven points is a matrix product over channels, and taps come in parts of
//! four: part s of tile j sees what part 0 of tile j + s sees, so tiles are transformed once, and a longer kernel is a
//! product over neighbouring transformed tiles. Points 0, 1, -1, 1/2, -1/2, 2 and infinity: the transforms of inputs and
//! outputs are exact in binary, the error is two or three times that of the direct sum (2e-6 of the result's spread for 11
//! taps of 256 channels), and stays below what the engine's tests ask. Multiplications for each output: 1.75 for 3 taps,
//! 3.5 for 7, 5.25 for 11.

use std::cell::RefCell;

use pulp::{Simd, WithSimd, bytemuck};
use rayon::prelude::*;

use super::activation::Activation;
use super::conv::Geometry;
use super::frames::Frames;
use super::matmul::{Finish, Packed, Rows, Target, multiply};
use super::simd::Isa;

/// Outputs of a tile, and taps of a part.
const TILE: usize = 4;
/// Points at which the polynomials are multiplied, and inputs of a tile.
const POINTS: usize = 2 * TILE - 1;
/// Tiles that one task multiplies at once: the seven transformed inputs stay near the second-level cache.
const TILES_PER_TASK: usize = 120;

/// Inputs to points.
const SPREAD: [[f32; POINTS]; POINTS] = [
    [0.25, -0.125, -1.25, 0.625, 1.0, -0.5, 0.0],
    [0.0, -0.5, -0.25, 2.25, 1.0, -1.0, 0.0],
    [0.0, 0.25, -0.375, -0.875, 1.5, -0.5, 0.0],
    [0.0, 0.5, 0.75, -1.0, -0.75, 0.5, 0.0],
    [0.0, -0.5, 1.25, 0.0, -1.25, 0.5, 0.0],
    [0.0, 0.25, 0.0, -1.25, 0.0, 1.0, 0.0],
    [0.0, -0.25, 0.125, 1.25, -0.625, -1.0, 0.5],
];
/// Taps to points. The factors undo the scaling that makes `SPREAD` exact.
const TAPS: [[f64; TILE]; POINTS] = [
    [4.0, 0.0, 0.0, 0.0],
    [1.0 / 1.5, 1.0 / 1.5, 1.0 / 1.5, 1.0 / 1.5],
    [1.0 / 2.25, -1.0 / 2.25, 1.0 / 2.25, -1.0 / 2.25],
    [32.0 / 9.0, 16.0 / 9.0, 8.0 / 9.0, 4.0 / 9.0],
    [32.0 / 15.0, -16.0 / 15.0, 8.0 / 15.0, -4.0 / 15.0],
    [1.0 / 22.5, 2.0 / 22.5, 4.0 / 22.5, 8.0 / 22.5],
    [0.0, 0.0, 0.0, 2.0],
];
/// Points to outputs.
const GATHER: [[f32; POINTS]; TILE] = [
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.0],
    [0.0, 1.0, 1.0, 0.25, 0.25, 4.0, 0.0],
    [0.0, 1.0, -1.0, 0.125, -0.125, 8.0, 1.0],
];

thread_local! {
    /// Transformed inputs and products of one task, kept from one convolution to the next.
    static SCRATCH: RefCell<(Vec<f32>, Vec<f32>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// A convolution of stride 1 with as many outputs as inputs.
#[derive(Debug)]
pub(crate) struct ToomCook {
    points: Vec<Packed>,
    bias: Vec<f32>,
    inputs: usize,
    parts: usize,
    before: usize,
    dilation: usize,
}

/// One deck of a task: the output rows `first, first + dilation, ...` of its chunk.
#[derive(Debug, Clone, Copy)]
struct Deck {
    /// Its first row, in the whole output.
    row: usize,
    tiles: usize,
}

impl ToomCook {
    /// `weight` is `[outputs, inputs, taps]`, as PyTorch and ONNX store it. `geometry` must be [`Geometry::same`].
    pub(crate) fn new(isa: Isa, weight: &[f32], bias: Vec<f32>, geometry: Geometry) -> Self {
        let Geometry { taps, dilation, .. } = geometry;
        let (outputs, inputs) = (bias.len(), weight.len() / bias.len() / taps);
        assert_eq!(geometry, Geometry::same(taps, dilation), "only convolutions that keep the length; this is a bug");
        let parts = taps.div_ceil(TILE);
        let point = |factors: &[f64; TILE]| {
            Packed::new(isa, [parts * inputs, outputs], |row, output| {
                let (part, input) = (row / inputs, row % inputs);
                let taps = weight[(output * inputs + input) * taps..][..taps].iter().skip(part * TILE);
                taps.zip(factors).map(|(tap, factor)| f64::from(*tap) * factor).sum::<f64>() as f32
            })
        };
        Self { points: TAPS.iter().map(point).collect(), bias, inputs, parts, before: (taps - 1) / 2, dilation }
    }

    /// `y = conv(activation(x))`, or `y +=` the same: the residual connection.
    pub(crate) fn run(&self, x: &Frames, activation: &Activation<'_>, y: &mut Frames, accumulate: bool) {
        let outputs = self.bias.len();
        assert_eq!((x.cols(), y.cols(), x.rows()), (self.inputs, outputs, y.rows()), "shapes differ; this is a bug");
        let tiles = (TILES_PER_TASK / self.dilation).next_multiple_of(12);
        let rows_per_task = tiles * TILE * self.dilation;
        let isa = self.points[0].isa();
        y.as_mut_slice().par_chunks_mut(rows_per_task * outputs).enumerate().for_each(|(task, chunk)| {
            let rows = chunk.len() / outputs;
            let decks = (0..self.dilation.min(rows))
                .map(|first| Deck { row: task * rows_per_task + first, tiles: (rows - first).div_ceil(self.dilation).div_ceil(TILE) });
            SCRATCH.with_borrow_mut(|(spread, products)| {
                for (first, deck) in decks.enumerate() {
                    isa.dispatch(Spread { conv: self, x, activation, deck, out: spread });
                    self.multiply(deck, spread, products);
                    isa.dispatch(Gather { conv: self, deck, products, out: &mut chunk[first * outputs..], accumulate });
                }
            });
        });
    }

    fn multiply(&self, deck: Deck, spread: &[f32], products: &mut Vec<f32>) {
        let (outputs, all) = (self.bias.len(), deck.tiles + self.parts - 1);
        products.resize(POINTS * deck.tiles * outputs, 0.0);
        let targets = products.chunks_exact_mut(deck.tiles * outputs);
        for ((point, weight), values) in self.points.iter().enumerate().zip(targets) {
            let rows = Rows { values: &spread[point * all * self.inputs..], stride: self.inputs, count: deck.tiles };
            multiply(rows, weight, Target { values, stride: outputs }, Finish { bias: &[], accumulate: false });
        }
    }
}

/// Activates and transforms a deck's inputs: `[points, tiles + parts - 1, inputs]`.
struct Spread<'a> {
    conv: &'a ToomCook,
    x: &'a Frames,
    activation: &'a Activation<'a>,
    deck: Deck,
    out: &'a mut Vec<f32>,
}

impl WithSimd for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { conv, x, activation, deck, out } = self;
        let (inputs, all) = (conv.inputs, deck.tiles + conv.parts - 1);
        out.resize(POINTS * all * inputs, 0.0);
        let mut window = vec![0.0; POINTS * inputs];
        for tile in 0..all {
            // Neighbouring tiles share three inputs.
            let known = if tile == 0 { 0 } else { POINTS - TILE };
            window.copy_within((POINTS - known) * inputs.., 0);
            for at in known..POINTS {
                let place = &mut window[at * inputs..][..inputs];
                let row = (deck.row + (tile * TILE + at) * conv.dilation).checked_sub(conv.before * conv.dilation);
                match row.filter(|row| *row < x.rows()) {
                    Some(row) => activation.apply(x.row(row), place),
                    None => place.fill(0.0),
                }
            }
            for channel in (0..inputs).step_by(S::F32_LANES) {
                let lanes = S::F32_LANES.min(inputs - channel);
                let x: [S::f32s; POINTS] = std::array::from_fn(|at| load(simd, &window[at * inputs + channel..][..lanes]));
                for (point, factors) in SPREAD.iter().enumerate() {
                    let sum = combine(simd, &x, factors);
                    store(simd, &mut out[(point * all + tile) * inputs + channel..][..lanes], sum);
                }
            }
        }
    }
}

/// Transforms the products back into rows, `dilation` apart, of `out`.
struct Gather<'a> {
    conv: &'a ToomCook,
    deck: Deck,
    products: &'a [f32],
    out: &'a mut [f32],
    accumulate: bool,
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { conv, deck, products, out, accumulate } = self;
        let outputs = conv.bias.len();
        let step = outputs * conv.dilation;
        for tile in 0..deck.tiles {
            let rows = TILE.min(out.len().div_ceil(step) - tile * TILE);
            for channel in (0..outputs).step_by(S::F32_LANES) {
                let lanes = S::F32_LANES.min(outputs - channel);
                let x: [S::f32s; POINTS] =
                    std::array::from_fn(|point| load(simd, &products[(point * deck.tiles + tile) * outputs + channel..][..lanes]));
                let bias = load(simd, &conv.bias[channel..channel + lanes]);
                for (row, factors) in GATHER.iter().enumerate().take(rows) {
                    let out = &mut out[(tile * TILE + row) * step + channel..][..lanes];
                    let mut sum = simd.add_f32s(bias, combine(simd, &x, factors));
                    if accumulate {
                        sum = simd.add_f32s(sum, load(simd, out));
                    }
                    store(simd, out, sum);
                }
            }
        }
    }
}

/// The first numbers of a register; a full one without a mask.
#[inline(always)]
fn load<S: Simd>(simd: S, from: &[f32]) -> S::f32s {
    if from.len() == S::F32_LANES { bytemuck::cast_slice(from)[0] } else { simd.partial_load_f32s(from) }
}

#[inline(always)]
fn store<S: Simd>(simd: S, to: &mut [f32], value: S::f32s) {
    if to.len() == S::F32_LANES {
        bytemuck::cast_slice_mut(to)[0] = value;
    } else {
        simd.partial_store_f32s(to, value);
    }
}

/// The sum of `factors * x`; factors are known when this is compiled, and those of 0 cost nothing.
#[inline(always)]
fn combine<S: Simd>(simd: S, x: &[S::f32s; POINTS], factors: &[f32; POINTS]) -> S::f32s {
    let mut sum = simd.splat_f32s(0.0);
    for (x, factor) in x.iter().zip(factors) {
        if *factor != 0.0 {
            sum = simd.mul_add_e_f32s(*x, simd.splat_f32s(*factor), sum);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_convolves_like_the_definition() {
        for (rows, inputs, outputs, taps, dilation) in
            [(1, 3, 2, 3, 1), (9, 8, 5, 7, 1), (700, 4, 6, 11, 3), (530, 2, 3, 3, 5), (40, 5, 1, 11, 5)]
        {
            let number = |at: usize| ((at * 37 % 1009) as f32 - 504.0) / 504.0;
            let x = Frames::new(rows, inputs, (0..rows * inputs).map(number).collect()).expect("a matrix");
            let weight: Vec<f32> = (0..outputs * inputs * taps).map(|at| number(at + 5)).collect();
            let bias: Vec<f32> = (0..outputs).map(number).collect();
            for isa in Isa::available() {
                let conv = ToomCook::new(isa, &weight, bias.clone(), Geometry::same(taps, dilation));
                let mut y = Frames::fill(rows, outputs, |row, out| out.fill(row as f32));
                conv.run(&x, &Activation::Leave, &mut y, true);
                for row in 0..rows {
                    for output in 0..outputs {
                        let mut exact = f64::from(bias[output]) + row as f64;
                        for tap in 0..taps {
                            let from = (row + tap * dilation).checked_sub((taps - 1) / 2 * dilation).filter(|from| *from < rows);
                            let Some(from) = from else { continue };
                            for input in 0..inputs {
                                exact += f64::from(x.row(from)[input]) * f64::from(weight[(output * inputs + input) * taps + tap]);
                            }
                        }
                        let found = f64::from(y.row(row)[output]);
                        assert!((found - exact).abs() < 1e-3, "{isa:?} {taps} taps, dilation {dilation}, row {row}: {found}, not {exact}");
                    }
                }
            }
        }
    }
}
