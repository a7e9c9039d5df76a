//! From a GGUF tensor to the layout of the 8-bit kernel.
//!
//! The 4, 5, 6 and 8-bit types keep their numbers: a code of at most 8 bits, and the scale and offset of its group as f32.
//! Other types are rounded to 8 bits in groups of 32. Block layouts follow ggml's `ggml-common.h` and `ggml-quants.c`.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Result};
use half::f16;
use rayon::prelude::*;

use crate::kernel::int8::{GROUP, Weights};

/// One row of a matrix on its way into the layout.
#[derive(Debug, Default, Clone)]
struct Row {
    /// Codes plus 128.
    codes: Vec<u8>,
    scales: Vec<f32>,
    offsets: Vec<f32>,
}

/// Lays `weight` out. Row `i` of the result is row `order(i)` of the tensor.
pub(super) fn pack(weight: &QTensor, order: &(dyn Fn(usize) -> usize + Sync)) -> Result<Weights> {
    let (rows, depth) = weight.shape().dims2()?;
    let kind = weight.dtype();
    let group = if kind == GgmlDType::Q6K { 16 } else { GROUP };
    let floats = if decodes(kind) { Vec::new() } else { weight.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()? };
    let data = weight.data()?;
    let bytes = depth / kind.block_size() * kind.type_size();
    let read = |index: usize| {
        let mut row = Row::default();
        if index < rows {
            let from = order(index);
            match floats.get(from * depth..(from + 1) * depth) {
                Some(values) => row.round(values),
                None => data[from * bytes..][..bytes].chunks_exact(kind.type_size()).for_each(|block| row.decode(kind, block)),
            }
        }
        row
    };
    let (tiles, words, groups) = (rows.div_ceil(16), depth / 4, depth / group);
    let offset = matches!(kind, GgmlDType::Q4_1 | GgmlDType::Q5_1 | GgmlDType::Q4K | GgmlDType::Q5K);
    let mut codes = vec![[128u8; 64]; tiles * words];
    let mut scales = vec![[0.0; 16]; tiles * groups];
    let mut offsets = vec![[0.0; 16]; if offset { tiles * groups } else { 0 }];
    codes.par_chunks_mut(words).zip(scales.par_chunks_mut(groups)).enumerate().for_each(|(tile, (codes, scales))| {
        for column in 0..16 {
            let row = read(16 * tile + column);
            for (word, four) in codes.iter_mut().zip(row.codes.as_chunks::<4>().0) {
                word[4 * column..][..4].copy_from_slice(four);
            }
            scales.iter_mut().zip(&row.scales).for_each(|(to, from)| to[column] = *from);
        }
    });
    offsets.par_chunks_mut(groups).enumerate().for_each(|(tile, offsets)| {
        for column in 0..16 {
            let row = read(16 * tile + column);
            offsets.iter_mut().zip(&row.offsets).for_each(|(to, from)| to[column] = *from);
        }
    });
    Ok(Weights { depth, group, codes, scales, offsets })
}

fn decodes(kind: GgmlDType) -> bool {
    use GgmlDType::{Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
    matches!(kind, Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q8_0 | Q4K | Q5K | Q6K)
}

fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

impl Row {
    fn push(&mut self, codes: impl IntoIterator<Item = i32>, scale: f32, offset: f32) {
        self.codes.extend(codes.into_iter().map(|code| (code + 128) as u8));
        self.scales.push(scale);
        self.offsets.push(offset);
    }

    /// Rounds values to 8 bits.
    fn round(&mut self, values: &[f32]) {
        for group in values.chunks_exact(GROUP) {
            let most = group.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
            let inverse = if most > 0.0 { 127.0 / most } else { 0.0 };
            self.push(group.iter().map(|v| (v * inverse).round_ties_even() as i32), most / 127.0, 0.0);
        }
    }

    fn decode(&mut self, kind: GgmlDType, block: &[u8]) {
        let d = half(block, 0);
        match kind {
            GgmlDType::Q8_0 => self.push(block[2..].iter().map(|b| i32::from(b.cast_signed())), d, 0.0),
            GgmlDType::Q4_0 => self.push(nibbles(&block[2..]).map(|q| q - 8), d, 0.0),
            GgmlDType::Q4_1 => self.push(nibbles(&block[4..]), d, half(block, 2)),
            GgmlDType::Q5_0 => self.push(fives(&block[2..]).map(|q| q - 16), d, 0.0),
            GgmlDType::Q5_1 => self.push(fives(&block[4..]), d, half(block, 2)),
            GgmlDType::Q4K => self.fours_k(block, None),
            GgmlDType::Q5K => self.fours_k(block, Some(&block[16..48])),
            _ => self.six_k(block),
        }
    }

    /// Q4_K, and Q5_K with its fifth bits in `high`.
    fn fours_k(&mut self, block: &[u8], high: Option<&[u8]>) {
        let (d, least) = (half(block, 0), half(block, 2));
        let packed = &block[4..16];
        let nibbles = &block[if high.is_some() { 48 } else { 16 }..];
        for part in 0..8 {
            let (scale, minimum) = match part {
                0..4 => (packed[part] & 63, packed[part + 4] & 63),
                _ => ((packed[part + 4] & 15) | (packed[part - 4] >> 6 << 4), (packed[part + 4] >> 4) | (packed[part] >> 6 << 4)),
            };
            let code = |i: usize| {
                let low = nibbles[part / 2 * 32 + i] >> (part % 2 * 4) & 15;
                i32::from(low) + high.map_or(0, |high| i32::from(high[i] >> part & 1) << 4)
            };
            self.push((0..32).map(code), d * f32::from(scale), -(least * f32::from(minimum)));
        }
    }

    fn six_k(&mut self, block: &[u8]) {
        let d = half(block, 208);
        for part in 0..16 {
            let (half, inner) = (part / 8, part % 8);
            let (quarter, from) = (inner / 2, inner % 2 * 16);
            let code = |i: usize| {
                let low = block[64 * half + quarter % 2 * 32 + from + i] >> (quarter / 2 * 4) & 15;
                let high = block[128 + 32 * half + from + i] >> (2 * quarter) & 3;
                i32::from(low) + (i32::from(high) << 4) - 32
            };
            self.push((0..16).map(code), d * f32::from(block[192 + part].cast_signed()), 0.0);
        }
    }
}

/// Sixteen low halves, then sixteen high ones.
fn nibbles(bytes: &[u8]) -> impl Iterator<Item = i32> {
    (0..32).map(|i| i32::from(bytes[i % 16] >> (i / 16 * 4) & 15))
}

/// Nibbles with a fifth bit each, which stand before them.
fn fives(bytes: &[u8]) -> impl Iterator<Item = i32> {
    let high = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    nibbles(&bytes[4..]).enumerate().map(move |(i, low)| low | ((high >> i & 1) << 4).cast_signed())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use candle_core::Tensor;

    use super::*;
    use crate::model::Precision;
    use crate::model::linear::Linear;

    /// candle's own dequantisation is the reference.
    #[test]
    fn every_quantised_type_keeps_its_numbers() {
        use GgmlDType::{F16, Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0};
        let values: Vec<f32> = (0..32 * 512).map(|i| ((i * 7919 % 1000) as f32 / 500.0 - 1.0) * (1.0 + (i / 4096) as f32)).collect();
        let full = Tensor::from_vec(values, (32, 512), &Device::Cpu).unwrap();
        for kind in [Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4K, Q5K, Q6K, F16] {
            let tensor = QTensor::quantize(&full, kind).unwrap();
            let expected: Vec<Vec<f32>> = tensor.dequantize(&Device::Cpu).unwrap().to_vec2().unwrap();
            let linear = Linear::new(&tensor, None, Precision::Fast, &|i| i).unwrap();
            let bound = if kind == F16 { 4.0 / 127.0 } else { 1e-5 };
            for (index, expected) in expected.iter().enumerate() {
                let mut row = vec![0.0; 512];
                linear.read_row(index, &mut row);
                let worst = row.iter().zip(expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
                assert!(worst <= bound, "{kind:?}, row {index}: {worst}");
            }
        }
    }
}
