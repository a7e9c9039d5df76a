//! Weight matrices, and the products that a pass makes with them.

use candle_core::quantized::QTensor;
use candle_core::{Device, Result};
use rayon::prelude::*;

use super::pack::pack;
use crate::kernel::int8::{self, Activations, Group, Quantise, Weights};
use crate::kernel::{Processor, float};

/// How weights are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// As 8-bit numbers, multiplied with activations of 8 bits.
    Fast,
    /// Dequantised to f32: exact, slow, large. For comparisons.
    Full,
}

/// Rows from which on a pass is split by rows, not by columns.
const MANY: usize = 48;
/// Rows of one piece of such a pass: as many as the kernel takes at once, twice.
const PIECE: usize = 24;

#[derive(Debug)]
enum Matrix {
    Codes(Weights),
    /// `[outputs / 64][depth][64]`.
    Panels(Vec<f32>),
}

/// A weight matrix of `outputs` columns, with a bias where the model has one.
#[derive(Debug)]
pub(crate) struct Linear {
    matrix: Matrix,
    depth: usize,
    outputs: usize,
    bias: Option<Vec<f32>>,
}

/// Rows of activations in the form that the model's matrices take.
#[derive(Debug)]
pub(crate) enum Input {
    Codes(Activations),
    Floats { rows: usize, values: Vec<f32> },
}

impl Input {
    /// Takes `values`, `[rows][depth]`.
    pub(crate) fn new(values: Vec<f32>, depth: usize, precision: Precision, processor: Processor) -> Self {
        let rows = values.len() / depth;
        if precision == Precision::Full {
            return Self::Floats { rows, values };
        }
        let mut input = Activations { rows, groups: vec![Group::default(); values.len() / int8::GROUP] };
        // Pieces of so many groups that each has some hundred.
        let step = (256 / rows.max(1)).max(1);
        input.groups.par_chunks_mut(step * rows.max(1)).enumerate().for_each(|(piece, out)| {
            processor.run(Quantise { values: &values, depth, first: piece * step, out });
        });
        Self::Codes(input)
    }

    /// Some of the rows.
    pub(crate) fn select(&self, wanted: &[usize]) -> Self {
        match self {
            Self::Codes(input) => Self::Codes(input.select(wanted)),
            Self::Floats { rows, values } => {
                let depth = values.len() / rows;
                let values = wanted.iter().flat_map(|row| &values[row * depth..][..depth]).copied().collect();
                Self::Floats { rows: wanted.len(), values }
            }
        }
    }

    fn rows(&self) -> usize {
        match self {
            Self::Codes(input) => input.rows,
            Self::Floats { rows, .. } => *rows,
        }
    }
}

impl Linear {
    /// Row `i` of the matrix is row `order(i)` of the tensor.
    pub(crate) fn new(
        weight: &QTensor,
        bias: Option<Vec<f32>>,
        precision: Precision,
        order: &(dyn Fn(usize) -> usize + Sync),
    ) -> Result<Self> {
        let (outputs, depth) = weight.shape().dims2()?;
        if depth % int8::GROUP != 0 {
            candle_core::bail!("rows of {depth} numbers: only multiples of {} are supported", int8::GROUP);
        }
        let matrix = match precision {
            Precision::Fast => Matrix::Codes(pack(weight, order)?),
            Precision::Full => {
                let values = weight.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
                let mut panels = vec![0.0; outputs.next_multiple_of(float::PANEL) * depth];
                panels.par_chunks_mut(float::PANEL * depth).enumerate().for_each(|(panel, to)| {
                    for column in 0..float::PANEL.min(outputs - panel * float::PANEL) {
                        let from = order(panel * float::PANEL + column) * depth;
                        values[from..][..depth].iter().enumerate().for_each(|(k, value)| to[k * float::PANEL + column] = *value);
                    }
                });
                Matrix::Panels(panels)
            }
        };
        let bias = bias.map(|bias| (0..outputs).map(|i| bias[order(i)]).collect());
        Ok(Self { matrix, depth, outputs, bias })
    }

    /// Numbers that a row of results has.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Columns that are computed together: 16 or 64.
    fn tile(&self) -> usize {
        match self.matrix {
            Matrix::Codes(_) => 16,
            Matrix::Panels(_) => float::PANEL,
        }
    }

    fn tiles(&self) -> usize {
        self.outputs.div_ceil(self.tile())
    }

    /// Bytes that the weights take.
    pub(crate) fn bytes(&self) -> usize {
        match &self.matrix {
            Matrix::Codes(weights) => 64 * (weights.codes.len() + weights.scales.len() + weights.offsets.len()),
            Matrix::Panels(panels) => 4 * panels.len(),
        }
    }

    /// Row `index` of the weight as f32: an embedding lookup where the matrix is one.
    pub(crate) fn read_row(&self, index: usize, to: &mut [f32]) {
        let (tile, column) = (index / self.tile(), index % self.tile());
        match &self.matrix {
            Matrix::Panels(panels) => {
                let panel = &panels[tile * self.depth * float::PANEL..][..self.depth * float::PANEL];
                to.iter_mut().enumerate().for_each(|(k, value)| *value = panel[k * float::PANEL + column]);
            }
            Matrix::Codes(weights) => {
                let codes = &weights.codes[tile * self.depth / 4..];
                let first = tile * self.depth / weights.group;
                for (k, value) in to.iter_mut().enumerate() {
                    let group = first + k / weights.group;
                    let code = f32::from(codes[k / 4][4 * column + k % 4]) - 128.0;
                    *value = code * weights.scales[group][column] + weights.offsets.get(group).map_or(0.0, |offset| offset[column]);
                }
            }
        }
    }

    /// Some rows times some tiles, into rows `stride` apart.
    fn product(&self, processor: Processor, input: &Input, rows: std::ops::Range<usize>, tiles: std::ops::Range<usize>, out: &mut [f32]) {
        let stride = tiles.len() * self.tile();
        match (&self.matrix, input) {
            (Matrix::Codes(weights), Input::Codes(input)) => {
                processor.run(int8::Product { weights, tiles, input, rows, out, stride });
            }
            (Matrix::Panels(panels), Input::Floats { values, .. }) => {
                for (i, tile) in tiles.enumerate() {
                    let b = &panels[tile * self.depth * float::PANEL..][..self.depth * float::PANEL];
                    let a = &values[rows.start * self.depth..];
                    let (depth, out) = (self.depth, &mut out[i * float::PANEL..]);
                    let product =
                        float::Product { a, stride_a: depth, rows: rows.len(), b, stride_b: float::PANEL, depth, out, stride_out: stride };
                    processor.run(product);
                }
            }
            _ => unreachable!("the model's precision decides both the weights and the input; this is a bug"),
        }
    }

    /// The columns of `ids` only, for one row of `input`, as the whole product would have them.
    pub(crate) fn columns(&self, processor: Processor, input: &Input, row: usize, ids: &[u32]) -> Vec<f32> {
        let mut buffer = vec![0.0; self.tile()];
        let mut held = usize::MAX;
        let mut column = |id: &u32| {
            let (tile, column) = (*id as usize / self.tile(), *id as usize % self.tile());
            if tile != held {
                self.product(processor, input, row..row + 1, tile..tile + 1, &mut buffer);
                held = tile;
            }
            buffer[column] + self.bias.as_ref().map_or(0.0, |bias| bias[*id as usize])
        };
        ids.iter().map(&mut column).collect()
    }
}

/// The same rows times several matrices, `[rows][outputs]` each.
pub(crate) fn project<const N: usize>(processor: Processor, linears: [&Linear; N], input: &Input) -> [Vec<f32>; N] {
    let rows = input.rows();
    let mut results =
        if rows >= MANY { linears.map(|linear| by_rows(processor, linear, input)) } else { by_columns(processor, linears, input) };
    for (linear, result) in linears.iter().zip(&mut results) {
        if let Some(bias) = &linear.bias {
            result.chunks_exact_mut(linear.outputs).for_each(|row| row.iter_mut().zip(bias).for_each(|(y, b)| *y += b));
        }
    }
    results
}

fn by_rows(processor: Processor, linear: &Linear, input: &Input) -> Vec<f32> {
    let rows = input.rows();
    let padded = linear.tiles() * linear.tile();
    let mut out = vec![0.0; rows * padded];
    out.par_chunks_mut(PIECE * padded).enumerate().for_each(|(piece, out)| {
        let first = piece * PIECE;
        linear.product(processor, input, first..rows.min(first + PIECE), 0..linear.tiles(), out);
    });
    if padded == linear.outputs { out } else { out.chunks_exact(padded).flat_map(|row| &row[..linear.outputs]).copied().collect() }
}

fn by_columns<const N: usize>(processor: Processor, linears: [&Linear; N], input: &Input) -> [Vec<f32>; N] {
    let rows = input.rows();
    // Four pieces a thread, for whoever is slowed down by another program.
    let work: usize = linears.iter().map(|linear| linear.tiles() * linear.tile()).sum();
    let share = work.div_ceil(4 * rayon::current_num_threads());
    let pieces: Vec<_> = linears
        .iter()
        .enumerate()
        .flat_map(|(which, linear)| {
            let step = share.div_ceil(linear.tile());
            (0..linear.tiles()).step_by(step).map(move |first| (which, first..linear.tiles().min(first + step)))
        })
        .collect();
    let compute = |(which, tiles): &(usize, std::ops::Range<usize>)| {
        let linear = linears[*which];
        let mut out = vec![0.0; rows * tiles.len() * linear.tile()];
        linear.product(processor, input, 0..rows, tiles.clone(), &mut out);
        out
    };
    let parts: Vec<Vec<f32>> = pieces.par_iter().with_max_len(1).map(compute).collect();
    let mut results = linears.map(|linear| vec![0.0; rows * linear.outputs]);
    for ((which, tiles), part) in pieces.iter().zip(&parts) {
        let linear = linears[*which];
        let first = tiles.start * linear.tile();
        let width = (tiles.len() * linear.tile()).min(linear.outputs - first);
        for (to, from) in results[*which].chunks_exact_mut(linear.outputs).zip(part.chunks_exact(tiles.len() * linear.tile())) {
            to[first..first + width].copy_from_slice(&from[..width]);
        }
    }
    results
}
