//! Keys and values of one sequence, layer by layer.
//!
//! Grows by doubling, shrinks by forgetting: a prefix that the next request shares stays where it is.

use candle_core::{DType, Device, Tensor};

#[derive(Debug)]
struct Layer {
    keys: Tensor,
    values: Tensor,
}

/// What a sequence has computed so far. Positions are those of its tokens, from 0.
#[derive(Debug)]
pub(crate) struct KvCache {
    layers: Vec<Layer>,
    length: usize,
    capacity: usize,
    kv_heads: usize,
    head: usize,
}

impl KvCache {
    pub(crate) fn new(layers: usize, kv_heads: usize, head: usize) -> candle_core::Result<Self> {
        let capacity = 256;
        let layers = (0..layers).map(|_| Layer::empty(kv_heads, capacity, head)).collect::<Result<_, _>>()?;
        Ok(Self { layers, length: 0, capacity, kv_heads, head })
    }

    /// Tokens held.
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// Forgets what comes after the first `length` tokens.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    /// Makes room for `rows` more tokens in every layer.
    pub(crate) fn reserve(&mut self, rows: usize) -> candle_core::Result<()> {
        if self.length + rows <= self.capacity {
            return Ok(());
        }
        self.capacity = (self.length + rows).next_power_of_two();
        for layer in &mut self.layers {
            let grown = Layer::empty(self.kv_heads, self.capacity, self.head)?;
            if self.length > 0 {
                grown.keys.slice_set(&layer.keys.narrow(1, 0, self.length)?.contiguous()?, 1, 0)?;
                grown.values.slice_set(&layer.values.narrow(1, 0, self.length)?.contiguous()?, 1, 0)?;
            }
            *layer = grown;
        }
        Ok(())
    }

    /// Writes `[kv_heads, rows, head]` behind what layer `index` holds and returns views of keys and values from position
    /// `from` on. The rows count only after [`KvCache::advance`].
    pub(crate) fn append(&mut self, index: usize, keys: &Tensor, values: &Tensor, from: usize) -> candle_core::Result<(Tensor, Tensor)> {
        let layer = &self.layers[index];
        layer.keys.slice_set(keys, 1, self.length)?;
        layer.values.slice_set(values, 1, self.length)?;
        let rows = self.length + keys.dim(1)? - from;
        Ok((layer.keys.narrow(1, from, rows)?, layer.values.narrow(1, from, rows)?))
    }

    /// Counts `rows` tokens as held, once every layer has them.
    pub(crate) fn advance(&mut self, rows: usize) {
        self.length += rows;
    }
}

impl Layer {
    fn empty(kv_heads: usize, capacity: usize, head: usize) -> candle_core::Result<Self> {
        let shape = (kv_heads, capacity, head);
        Ok(Self { keys: Tensor::zeros(shape, DType::F32, &Device::Cpu)?, values: Tensor::zeros(shape, DType::F32, &Device::Cpu)? })
    }
}
