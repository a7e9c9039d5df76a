//! Attention of every row to every row (Vaswani et al. 2017), with or without regard to their distance (Shaw et al. 2018).

use rayon::prelude::*;

use super::frames::Frames;
use super::matmul::{Finish, Packed, Rows, Target, multiply};
use super::simd::Isa;

/// What a distance of -4 to 4 rows adds to keys and values, the same for all heads: `[9, head]` each.
#[derive(Debug)]
pub(crate) struct Relative {
    pub(crate) keys: Vec<f32>,
    pub(crate) values: Vec<f32>,
}

impl Relative {
    /// Distances that are told apart.
    pub(crate) const DISTANCES: usize = 9;

    /// Channels of a head.
    pub(crate) fn head(&self) -> usize {
        self.keys.len() / Self::DISTANCES
    }

    /// Rows within reach of `row` out of `rows`, with the index of their distance.
    fn neighbours(row: usize, rows: usize) -> impl Iterator<Item = (usize, usize)> {
        let reach = Self::DISTANCES / 2;
        (row.saturating_sub(reach)..(row + reach + 1).min(rows)).map(move |other| (other, other + reach - row))
    }
}

/// `softmax(query key^T / sqrt(head)) value` for each head. With one utterance there is nothing to mask.
pub(crate) fn attend([query, key, value]: [&Frames; 3], heads: usize, relative: Option<&Relative>) -> Frames {
    let width = query.cols() / heads;
    let mixed: Vec<Vec<f32>> =
        (0..heads).into_par_iter().map(|head| attend_head([query, key, value], head * width, width, relative)).collect();
    Frames::fill(query.rows(), query.cols(), |row, out| {
        for (head, out) in mixed.iter().zip(out.chunks_exact_mut(width)) {
            out.copy_from_slice(&head[row * width..][..width]);
        }
    })
}

/// One head, `width` columns from `first`: `[rows, width]`.
fn attend_head([query, key, value]: [&Frames; 3], first: usize, width: usize, relative: Option<&Relative>) -> Vec<f32> {
    let (rows, isa) = (query.rows(), Isa::best());
    let plain = Finish { bias: &[], accumulate: false };
    let keys = Packed::new(isa, [width, rows], |column, row| key.row(row)[first + column]);
    let mut scores = vec![0.0; rows * rows];
    let queries = Rows { values: &query.as_slice()[first..], stride: query.cols(), count: rows };
    multiply(queries, &keys, Target { values: &mut scores, stride: rows }, plain);
    for (row, scores) in scores.chunks_exact_mut(rows).enumerate() {
        if let Some(relative) = relative {
            let query = &query.row(row)[first..first + width];
            for (other, distance) in Relative::neighbours(row, rows) {
                let products = query.iter().zip(&relative.keys[distance * width..]).map(|(x, y)| f64::from(*x) * f64::from(*y));
                scores[other] += products.sum::<f64>() as f32;
            }
        }
        softmax(scores, 1.0 / (width as f32).sqrt());
    }
    let values = Packed::new(isa, [rows, width], |row, column| value.row(row)[first + column]);
    let mut mixed = vec![0.0; rows * width];
    multiply(Rows { values: &scores, stride: rows, count: rows }, &values, Target { values: &mut mixed, stride: width }, plain);
    let Some(relative) = relative else { return mixed };
    for ((row, mixed), scores) in mixed.chunks_exact_mut(width).enumerate().zip(scores.chunks_exact(rows)) {
        for (other, distance) in Relative::neighbours(row, rows) {
            for (mixed, value) in mixed.iter_mut().zip(&relative.values[distance * width..]) {
                *mixed += scores[other] * value;
            }
        }
    }
    mixed
}

fn softmax(row: &mut [f32], scale: f32) {
    let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // Summed in f64: rows are long, and what f32 would lose every later layer would amplify.
    let mut sum = 0.0;
    for x in row.iter_mut() {
        *x = ((*x - highest) * scale).exp();
        sum += f64::from(*x);
    }
    let share = (1.0 / sum) as f32;
    for x in row {
        *x *= share;
    }
}
