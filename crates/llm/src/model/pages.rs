//! Keys and values, in pages of 64 positions.
//!
//! A page belongs to absolute positions `64 n .. 64 n + 64` of whatever sequences hold it. Owns the memory only: who holds
//! which page, and when one is free again, is the prefix tree's business.

use crate::config::Config;

/// Positions of a page.
pub(crate) const PAGE: usize = 64;

/// A page by number.
pub(crate) type PageId = usize;

#[derive(Debug)]
pub(crate) struct Pages {
    /// Allocated when first written: one page of every layer and KV head, keys and values.
    memory: Vec<Box<[f32]>>,
    kv_heads: usize,
    layers: usize,
    /// Values of a key.
    head: usize,
    /// Values of a value, padded to what the kernels take.
    padded: usize,
}

impl Pages {
    pub(crate) fn new(config: &Config) -> Self {
        let padded = config.head.next_multiple_of(crate::kernel::float::PANEL);
        Self { memory: Vec::new(), kv_heads: config.kv_heads, layers: config.layers, head: config.head, padded }
    }

    /// Bytes of one page.
    pub(crate) fn page_bytes(&self) -> usize {
        self.layers * self.kv_heads * self.stride() * 4
    }

    /// Memory for one more page.
    pub(crate) fn grow(&mut self) -> PageId {
        self.memory.push(vec![0.0; self.layers * self.kv_heads * self.stride()].into_boxed_slice());
        self.memory.len() - 1
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

    /// `[head][64]` keys, one column a position, and `[64][padded]` values.
    pub(crate) fn read(&self, page: PageId, layer: usize, head: usize) -> (&[f32], &[f32]) {
        self.memory[page][self.block(layer, head)..][..self.stride()].split_at(PAGE * self.head)
    }

    /// Writes key and value of one head at one position.
    pub(crate) fn write(&mut self, page: PageId, layer: usize, head: usize, position: usize, key: &[f32], value: &[f32]) {
        let (at, slot) = (self.block(layer, head), position % PAGE);
        let block = &mut self.memory[page][at..][..PAGE * (self.head + self.padded)];
        let (keys, values) = block.split_at_mut(PAGE * self.head);
        key.iter().enumerate().for_each(|(i, key)| keys[i * PAGE + slot] = *key);
        values[slot * self.padded..][..value.len()].copy_from_slice(value);
    }
}
