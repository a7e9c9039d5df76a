//! A time-major matrix.

use rayon::prelude::*;

/// Rows handled by one task: 64 rows of 128 to 1090 channels stay within a core's L2 cache.
pub(crate) const ROWS_PER_TASK: usize = 64;

/// `rows` time steps of `cols` channels, row after row.
#[derive(Debug, Clone)]
pub struct Frames {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

impl Frames {
    /// Takes `rows * cols` values, row after row. `None` when the number of values is another.
    pub fn new(rows: usize, cols: usize, values: Vec<f32>) -> Option<Self> {
        (values.len() == rows * cols).then_some(Self { rows, cols, values })
    }

    /// The transpose of values stored channel after channel (`[channels, time]`, as PyTorch and ONNX hold them).
    pub fn from_channels(channels: usize, time: usize, values: &[f32]) -> Option<Self> {
        (values.len() == channels * time).then(|| {
            Self::fill(time, channels, |row, out| {
                for (channel, out) in out.iter_mut().enumerate() {
                    *out = values[channel * time + row];
                }
            })
        })
    }

    /// Nothing yet.
    pub(crate) fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, values: vec![0.0; rows * cols] }
    }

    /// A matrix whose rows `write` fills, in parallel; it finds them zeroed.
    pub(crate) fn fill(rows: usize, cols: usize, write: impl Fn(usize, &mut [f32]) + Sync) -> Self {
        let mut frames = Self::zeros(rows, cols);
        frames.update(write);
        frames
    }

    /// Runs `change` over every row, in parallel.
    pub(crate) fn update(&mut self, change: impl Fn(usize, &mut [f32]) + Sync) {
        let cols = self.cols;
        let tasks = self.values.par_chunks_mut(ROWS_PER_TASK * cols);
        tasks.enumerate().for_each(|(task, rows)| {
            for (row, out) in rows.chunks_exact_mut(cols).enumerate() {
                change(task * ROWS_PER_TASK + row, out);
            }
        });
    }

    /// Time steps.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Channels.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// One time step.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.as_slice()[row * self.cols..(row + 1) * self.cols]
    }

    /// All values, row after row.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// Each row `i` repeated `times[i]` times: tokens stretched to their durations.
    pub(crate) fn repeat_rows(&self, times: &[usize]) -> Self {
        let sources: Vec<usize> = times.iter().enumerate().flat_map(|(row, times)| std::iter::repeat_n(row, *times)).collect();
        Self::fill(sources.len(), self.cols, |row, out| {
            out.copy_from_slice(self.row(sources[row]));
        })
    }

    /// Some of the columns.
    pub(crate) fn columns(&self, columns: std::ops::Range<usize>) -> Self {
        Self::fill(self.rows, columns.len(), |row, out| out.copy_from_slice(&self.row(row)[columns.clone()]))
    }

    /// Some of the rows.
    pub(crate) fn rows_of(&self, rows: std::ops::Range<usize>) -> Self {
        let values = self.values[rows.start * self.cols..rows.end * self.cols].to_vec();
        Self { rows: rows.len(), cols: self.cols, values }
    }

    /// Adds a matrix of the same shape.
    pub(crate) fn add(&mut self, other: &Self) {
        self.update(|row, x| {
            for (x, y) in x.iter_mut().zip(other.row(row)) {
                *x += y;
            }
        });
    }

    /// Takes over the values of a matrix of the same shape.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.values.copy_from_slice(&other.values);
    }

    /// Matrices of equal length side by side.
    pub(crate) fn beside(parts: &[&Self]) -> Self {
        let rows = parts.first().map_or(0, |part| part.rows);
        let cols = parts.iter().map(|part| part.cols).sum();
        Self::fill(rows, cols, |row, mut out| {
            for part in parts {
                let (here, rest) = out.split_at_mut(part.cols);
                here.copy_from_slice(part.row(row));
                out = rest;
            }
        })
    }
}
