//! The three instruction sets against each other, and each kernel against plain arithmetic.
#![allow(clippy::unwrap_used, reason = "tests")]

use super::int8::{Activations, GROUP, Group, Quantise, Weights};
use super::vector::{Gate, RmsNorm, Rotate, Soften};
use super::*;

/// Numbers of mixed size and sign, the same in every run.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|i| next() * if i % 37 == 0 { 40.0 } else { 2.0 }).collect()
}

fn sets() -> Vec<Processor> {
    [Instructions::Portable, Instructions::Avx2, Instructions::Avx512].into_iter().filter(|set| set.is_available()).map(Processor).collect()
}

/// Runs `compute` with every set that this processor has; all must agree to the bit.
fn the_same<T: PartialEq + std::fmt::Debug>(compute: impl Fn(Processor) -> T) -> T {
    let results: Vec<T> = sets().into_iter().map(compute).collect();
    for other in &results[1..] {
        assert!(*other == results[0], "two instruction sets differ: {other:?} and {:?}", results[0]);
    }
    results.into_iter().next().unwrap()
}

fn close(ours: &[f32], exact: impl IntoIterator<Item = f64>, bound: f64) {
    for (i, (ours, exact)) in ours.iter().zip(exact).enumerate() {
        assert!((f64::from(*ours) - exact).abs() <= bound * exact.abs().max(1.0), "number {i}: {ours} instead of {exact}");
    }
}

fn quantised(processor: Processor, values: &[f32], depth: usize) -> Activations {
    let mut groups = vec![Group::default(); values.len() / GROUP];
    processor.run(Quantise { values, depth, first: 0, out: &mut groups });
    Activations { rows: values.len() / depth, groups }
}

#[test]
fn products_of_floats_are_the_same_bits_for_any_number_of_rows() {
    let (rows, depth) = (9, 50);
    let (a, b) = (numbers(rows * depth, 1), numbers(depth * 64, 2));
    let product = |rows: std::ops::Range<usize>| {
        the_same(|processor| {
            let mut out = vec![0.0; rows.len() * 64];
            let a = &a[rows.start * depth..];
            processor.run(float::Product {
                a,
                stride_a: depth,
                rows: rows.len(),
                b: &b,
                stride_b: 64,
                depth,
                out: &mut out,
                stride_out: 64,
            });
            out
        })
    };
    let whole = product(0..rows);
    close(&whole, (0..rows * 64).map(|i| (0..depth).map(|k| f64::from(a[i / 64 * depth + k]) * f64::from(b[k * 64 + i % 64])).sum()), 1e-5);
    for row in 0..rows {
        assert_eq!(product(row..row + 1), whole[row * 64..][..64], "row {row} alone");
    }
}

#[test]
fn products_of_codes_are_the_same_bits_for_any_number_of_rows() {
    let (rows, depth, tiles) = (31, 96, 3);
    let values = numbers(rows * depth, 3);
    for group in [16, 32] {
        for offsets in [false, true] {
            let codes =
                numbers(tiles * depth * 16, 4).chunks_exact(64).map(|c| std::array::from_fn(|i| (c[i] * 1e4) as i32 as u8)).collect();
            let vectors = |seed| numbers(tiles * depth / group * 16, seed).as_chunks::<16>().0.to_vec();
            let weights = Weights { depth, group, codes, scales: vectors(5), offsets: if offsets { vectors(6) } else { Vec::new() } };
            let product = |rows: std::ops::Range<usize>| {
                the_same(|processor| {
                    let input = quantised(processor, &values, depth);
                    let mut out = vec![0.0; rows.len() * tiles * 16];
                    processor.run(int8::Product {
                        weights: &weights,
                        tiles: 0..tiles,
                        input: &input,
                        rows: rows.clone(),
                        out: &mut out,
                        stride: tiles * 16,
                    });
                    out
                })
            };
            let whole = product(0..rows);
            let input = quantised(Processor(Instructions::Portable), &values, depth);
            close(&whole, (0..rows * tiles * 16).map(|i| exact(&weights, &input, i / (tiles * 16), i % (tiles * 16))), 1e-4);
            for row in 0..rows {
                assert_eq!(product(row..row + 1), whole[row * tiles * 16..][..tiles * 16], "row {row} alone");
            }
        }
    }
}

/// The definition, in f64.
fn exact(weights: &Weights, input: &Activations, row: usize, column: usize) -> f64 {
    let (tile, column) = (column / 16, column % 16);
    (0..weights.depth)
        .map(|k| {
            let group = tile * weights.depth / weights.group + k / weights.group;
            let code = f64::from(weights.codes[tile * weights.depth / 4 + k / 4][4 * column + k % 4]) - 128.0;
            let offset = weights.offsets.get(group).map_or(0.0, |offset| f64::from(offset[column]));
            let weight = code * f64::from(weights.scales[group][column]) + offset;
            let group = &input.groups[k / GROUP * input.rows + row];
            let value = group.words[k % GROUP / 4].to_le_bytes()[k % 4].cast_signed();
            weight * f64::from(value) * f64::from(group.scale)
        })
        .sum()
}

#[test]
fn activations_are_rounded_to_the_nearest_code() {
    let values = numbers(128, 7);
    let groups = the_same(|processor| quantised(processor, &values, 64).groups);
    for (i, value) in values.iter().enumerate() {
        let group = &groups[i % 64 / 32 * 2 + i / 64];
        let code = group.words[i % 32 / 4].to_le_bytes()[i % 4].cast_signed();
        assert!((f32::from(code) * group.scale - value).abs() <= group.scale * 0.501, "{value} became {code}");
    }
    for group in &groups {
        let sum = |words: &[i32]| words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| i32::from(byte.cast_signed())).sum::<i32>();
        assert_eq!(group.sums, [sum(&group.words[..4]), sum(&group.words[4..]), sum(&group.words)]);
    }
    assert_eq!(quantised(Processor(Instructions::Portable), &[0.0; 32], 32).groups[0].words, [0; 8]);
}

#[test]
fn norms_gates_and_rotations_follow_their_formulas() {
    let (x, y) = (numbers(96, 8), numbers(96, 9));
    let norm = the_same(|processor| {
        let mut out = vec![0.0; 96];
        processor.run(RmsNorm { rows: &x, weight: &y[..48], epsilon: 1e-5, out: &mut out });
        out
    });
    let mean = |row: usize| x[row * 48..][..48].iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / 48.0 + 1e-5;
    close(&norm, (0..96).map(|i| f64::from(x[i]) / mean(i / 48).sqrt() * f64::from(y[i % 48])), 1e-5);
    for gelu in [false, true] {
        let gate = the_same(|processor| {
            let mut gate = x.clone();
            processor.run(Gate { inner: &mut gate, up: &y, gelu });
            gate
        });
        let active = |x: f64| {
            if gelu {
                0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3))).tanh())
            } else {
                x / (1.0 + (-x).exp())
            }
        };
        close(&gate, x.iter().zip(&y).map(|(x, y)| active(f64::from(*x)) * f64::from(*y)), 1e-5);
    }
    // A head of 48 has halves that are no multiple of a vector.
    let rotated = the_same(|processor| {
        let mut heads = x.clone();
        processor.run(Rotate { heads: &mut heads, head: 48, cos: &y[..24], sin: &y[24..48] });
        heads
    });
    let turned = |i: usize| {
        let (base, j) = (i / 48 * 48, i % 24);
        let (a, b, cos, sin) = (f64::from(x[base + j]), f64::from(x[base + 24 + j]), f64::from(y[j]), f64::from(y[24 + j]));
        if i % 48 < 24 { a * cos - b * sin } else { b * cos + a * sin }
    };
    close(&rotated, (0..96).map(turned), 1e-5);
}

#[test]
fn a_softmax_gives_what_is_hidden_no_weight() {
    let mut scores = numbers(64, 10);
    scores[60..].fill(f32::NEG_INFINITY);
    scores[5] = -300.0;
    let (weights, most, sum) = the_same(|processor| {
        let mut weights = scores.clone();
        let (most, sum) = processor.run(Soften(&mut weights));
        (weights, most, sum)
    });
    close(&weights, scores.iter().map(|s| f64::from(s - most).exp()), 1e-6);
    assert_eq!((&weights[60..], weights[5]), (&[0.0; 4][..], 0.0));
    assert!((weights.iter().sum::<f32>() - sum).abs() < 1e-4);
}
