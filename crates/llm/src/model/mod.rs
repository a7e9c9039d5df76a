//! The forward pass: token ids in, logits out.
//!
//! A pass takes rows of one or more sequences packed into one matrix. Everything but attention sees just rows; attention
//! finds each row's keys by its sequence's table of [`Pages`]. So a batch is a longer list, a prompt a list of many rows of
//! one sequence, and a shared prefix a table that starts with somebody else's pages. Keys and values of all rows of a pass
//! are written before any is read: a sequence may hold pages that another one computes in the same pass.
//!
//! Every row's result is the same bits whatever else is in the pass (see [`crate::kernel`]).

mod attention;
mod block;
#[cfg(test)]
mod families;
mod linear;
mod pack;
mod pages;
mod rotary;
#[cfg(test)]
mod tests;

use candle_core::Device;
use rayon::prelude::*;

use crate::Error;
use crate::config::Config;
use crate::gguf::Gguf;
use crate::kernel::Processor;
use crate::kernel::vector::RmsNorm;
use block::Block;
pub(crate) use linear::Input;
pub use linear::Precision;
use linear::{Linear, project};
pub use pages::Kept;
pub(crate) use pages::{PAGE, PageId, Pages};
use rotary::Rotary;

/// Rows of one pass.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Token of each row.
    pub(crate) tokens: Vec<u32>,
    /// Its position in its sequence.
    pub(crate) positions: Vec<usize>,
    /// Its sequence: an index into `tables`. Rows of a sequence stand together, in order.
    pub(crate) lanes: Vec<usize>,
    /// Pages of each sequence, this pass's rows included.
    pub(crate) tables: Vec<Vec<PageId>>,
}

impl Batch {
    /// Rows of the pass.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Adds rows of one more sequence, from position `start` on.
    pub(crate) fn push(&mut self, tokens: &[u32], start: usize, table: &[PageId]) {
        self.lanes.extend(std::iter::repeat_n(self.tables.len(), tokens.len()));
        self.positions.extend(start..start + tokens.len());
        self.tokens.extend_from_slice(tokens);
        self.tables.push(table.to_vec());
    }
}

/// Heads of attention.
#[derive(Debug, Clone, Copy)]
struct Shape {
    heads: usize,
    kv_heads: usize,
    head: usize,
}

#[derive(Debug)]
pub(crate) struct Model {
    config: Config,
    precision: Precision,
    processor: Processor,
    width: usize,
    embedding: Linear,
    /// None where the output shares the embedding.
    head: Option<Linear>,
    norm: Vec<f32>,
    blocks: Vec<Block>,
    global: Rotary,
    local: Rotary,
}

impl Model {
    pub(crate) fn load(gguf: &Gguf, config: Config, precision: Precision, processor: Processor) -> Result<Self, Error> {
        let (source, width) = (Source { gguf, precision }, config.width);
        let factors = source.optional_vector("rope_freqs.weight", 0)?;
        let embedding = source.linear("token_embd", 0, width)?;
        let head = || source.linear("output", embedding.outputs(), width);
        Ok(Self {
            head: gguf.has_tensor("output.weight").then(head).transpose()?,
            embedding,
            width,
            norm: source.vector("output_norm.weight", width)?,
            blocks: (0..config.layers).map(|i| Block::load(source, i, &config)).collect::<Result<_, _>>()?,
            global: Rotary::new(&config, config.rope_base, config.rope_scale, factors.as_deref()),
            local: Rotary::new(&config, config.rope_base_local, 1.0, None),
            precision,
            processor,
            config,
        })
    }

    pub(crate) fn new_pages(&self) -> Pages {
        Pages::new(&self.config)
    }

    /// Bytes that the weights take in memory.
    pub(crate) fn bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Block::bytes).sum();
        self.embedding.bytes() + self.head.as_ref().map_or(0, Linear::bytes) + blocks
    }

    /// Runs all rows and returns the normalised hidden states of the `wanted` ones, as the output matrix takes them.
    pub(crate) fn forward(&self, batch: &Batch, pages: &mut Pages, wanted: &[usize]) -> Input {
        let scale = self.config.embedding_scale as f32;
        let mut x = vec![0.0; batch.len() * self.width];
        x.par_chunks_mut(self.width).zip(&batch.tokens).for_each(|(row, token)| {
            self.embedding.read_row(*token as usize, row);
            for value in row {
                *value *= scale;
            }
        });
        for (index, block) in self.blocks.iter().enumerate() {
            let local = self.config.is_local(index);
            let (rotary, window) = if local { (&self.local, self.config.window) } else { (&self.global, None) };
            // Nobody asks the last layer for rows that are only kept for their keys.
            let keep = (index + 1 == self.blocks.len()).then_some(wanted);
            x = block.forward(x, &mut block::Pass { model: self, batch, pages, rotary, window, index, keep });
        }
        self.input(&x, &self.norm)
    }

    /// Normalises rows and puts them into the form that matrices take.
    fn input(&self, rows: &[f32], weight: &[f32]) -> Input {
        let normalised = self.normalise(rows, weight);
        Input::new(normalised, weight.len(), self.precision, self.processor)
    }

    fn normalise(&self, rows: &[f32], weight: &[f32]) -> Vec<f32> {
        let mut out = vec![0.0; rows.len()];
        let epsilon = self.config.epsilon as f32;
        let piece = 32 * weight.len();
        let pieces = rows.par_chunks(piece).zip(out.par_chunks_mut(piece));
        pieces.for_each(|(rows, out)| self.processor.run(RmsNorm { rows, weight, epsilon, out }));
        out
    }

    fn output(&self) -> &Linear {
        self.head.as_ref().unwrap_or(&self.embedding)
    }

    /// Logits of every token, `[rows][vocabulary]`.
    pub(crate) fn logits(&self, hidden: &Input) -> Vec<f32> {
        let [logits] = project(self.processor, [self.output()], hidden);
        logits
    }

    /// Tokens that the output knows.
    pub(crate) fn vocabulary(&self) -> usize {
        self.output().outputs()
    }

    /// Logits of a few tokens for one row, the same bits as in [`Model::logits`]: much cheaper where a grammar leaves little
    /// choice.
    pub(crate) fn logits_of(&self, hidden: &Input, row: usize, ids: &[u32]) -> Vec<f32> {
        self.output().columns(self.processor, hidden, row, ids)
    }
}

/// Where a matrix comes from and how it is held.
#[derive(Debug, Clone, Copy)]
struct Source<'a> {
    gguf: &'a Gguf,
    precision: Precision,
}

impl Source<'_> {
    /// The matrix `name.weight` of so many rows and columns (0: whatever the file has), with `name.bias` where there is one.
    fn linear(self, name: &str, rows: usize, columns: usize) -> Result<Linear, Error> {
        self.ordered(name, [rows, columns], &|row| row)
    }

    /// The same with its rows in another order.
    fn ordered(self, name: &str, [rows, columns]: [usize; 2], order: &(dyn Fn(usize) -> usize + Sync)) -> Result<Linear, Error> {
        let weight = self.gguf.matrix(&format!("{name}.weight"), rows, columns)?;
        let bias = self.gguf.has_tensor(&format!("{name}.bias")).then(|| self.vector(&format!("{name}.bias"), rows)).transpose()?;
        Ok(Linear::new(&weight, bias, self.precision, order)?)
    }

    /// The vector `name` of `length` numbers (0: whatever the file has).
    fn vector(self, name: &str, length: usize) -> Result<Vec<f32>, Error> {
        let values: Vec<f32> = self.gguf.tensor(name)?.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1()?;
        if values.is_empty() || (length > 0 && values.len() != length) {
            return Err(self.gguf.bad(format!("has {} numbers in its tensor `{name}` where its metadata says {length}", values.len())));
        }
        Ok(values)
    }

    fn optional_vector(self, name: &str, length: usize) -> Result<Option<Vec<f32>>, Error> {
        self.gguf.has_tensor(name).then(|| self.vector(name, length)).transpose()
    }
}
