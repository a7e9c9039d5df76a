//! Keys and values, in pages of 64 positions.
//!
//! A page belongs to absolute positions `64 n .. 64 n + 64` of whatever sequences hold it. Owns the memory only: who holds
//! which page, and when one is free again, is the prefix tree's business.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::config::Config;

/// Positions of a page.
pub(crate) const PAGE: usize = 64;

/// A page by number.
pub(crate) type PageId = usize;

/// How keys and values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// As they were computed.
    Full,
    /// Rounded to 16 bits: half the memory, and other bits in the answers.
    Half,
}

#[derive(Debug)]
pub(crate) struct Pages {
    /// Allocated when first written: one page of every layer and KV head, keys and values.
    memory: Memory,
    kv_heads: usize,
    layers: usize,
    /// Values of a key.
    head: usize,
    /// Values of a value, padded to what the kernels take.
    padded: usize,
}

#[derive(Debug)]
enum Memory {
    Full(Vec<Box<[f32]>>),
    Half(Vec<Box<[f16]>>),
}

impl Pages {
    pub(crate) fn new(config: &Config) -> Self {
        let padded = config.head.next_multiple_of(crate::kernel::float::PANEL);
        let memory = match config.kept {
            Kept::Full => Memory::Full(Vec::new()),
            Kept::Half => Memory::Half(Vec::new()),
        };
        Self { memory, kv_heads: config.kv_heads, layers: config.layers, head: config.head, padded }
    }

    /// Bytes of one page.
    pub(crate) fn page_bytes(&self) -> usize {
        let number = match self.memory {
            Memory::Full(_) => size_of::<f32>(),
            Memory::Half(_) => size_of::<f16>(),
        };
        [self.kv_heads, self.stride(), number].into_iter().fold(self.layers, usize::saturating_mul)
    }

    /// Memory for one more page.
    pub(crate) fn grow(&mut self) -> PageId {
        let numbers = self.layers * self.kv_heads * self.stride();
        match &mut self.memory {
            Memory::Full(pages) => {
                pages.push(vec![0.0; numbers].into_boxed_slice());
                pages.len() - 1
            }
            Memory::Half(pages) => {
                pages.push(vec![f16::ZERO; numbers].into_boxed_slice());
                pages.len() - 1
            }
        }
    }

    /// Numbers of one head of one layer.
    fn stride(&self) -> usize {
        PAGE * (self.head + self.padded)
    }

    fn block(&self, layer: usize, head: usize) -> usize {
        (layer * self.kv_heads + head) * self.stride()
    }

    /// Width of a row of values.
    pub(crate) fn padded(&self) -> usize {
        self.padded
    }

    /// `[head][64]` keys, one column a position, and `[64][padded]` values. What is kept in 16 bits is widened into `wide`.
    pub(crate) fn read<'a>(&'a self, page: PageId, layer: usize, head: usize, wide: &'a mut Vec<f32>) -> (&'a [f32], &'a [f32]) {
        let (at, length) = (self.block(layer, head), self.stride());
        let block = match &self.memory {
            Memory::Full(pages) => &pages[page][at..][..length],
            Memory::Half(pages) => {
                wide.resize(length, 0.0);
                pages[page][at..][..length].convert_to_f32_slice(wide);
                wide.as_slice()
            }
        };
        block.split_at(PAGE * self.head)
    }

    /// Writes key and value of one head at one position.
    pub(crate) fn write(&mut self, page: PageId, [layer, head]: [usize; 2], position: usize, key: &[f32], value: &[f32]) {
        let (at, slot, values) = (self.block(layer, head), position % PAGE, PAGE * self.head);
        let row = values + slot * self.padded;
        match &mut self.memory {
            Memory::Full(pages) => {
                let block = &mut pages[page][at..];
                key.iter().enumerate().for_each(|(i, key)| block[i * PAGE + slot] = *key);
                block[row..][..value.len()].copy_from_slice(value);
            }
            Memory::Half(pages) => {
                let block = &mut pages[page][at..];
                key.iter().enumerate().for_each(|(i, key)| block[i * PAGE + slot] = f16::from_f32(*key));
                block[row..][..value.len()].convert_from_f32_slice(value);
            }
        }
    }
}
