//! Weight matrices, in the form that candle's fast kernels take.
//!
//! candle 0.11 multiplies Q4_K, Q6_K and Q8_0 with VNNI kernels, but only where a row is a multiple of 256 long;
//! everything else runs scalar at about 2% of that speed. Small models have rows of 576 or 640, so their weights are
//! re-laid at load: Q8_0 rows are padded with zero blocks (exact), other types are re-quantised to Q8_0 first
//! (the tests hold the divergence that this costs).

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{Device, Module, Tensor};

/// How weights are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// Laid out for the fast quantised kernels.
    Fast,
    /// Dequantised to f32: exact, slow, large. For comparisons.
    Full,
}

/// Values to a block of the fast kernels' activations.
const BLOCK: usize = 256;

#[derive(Debug)]
pub(crate) struct Linear {
    weight: QMatMul,
    /// Zeros that the weight's rows were padded with.
    padding: usize,
    bias: Option<Tensor>,
}

impl Linear {
    pub(crate) fn new(weight: QTensor, bias: Option<Tensor>, precision: Precision) -> candle_core::Result<Self> {
        let (weight, padding) = match precision {
            Precision::Full => (QMatMul::Tensor(weight.dequantize(&Device::Cpu)?), 0),
            Precision::Fast => {
                let (weight, padding) = relay(weight)?;
                (QMatMul::from_qtensor(weight)?, padding)
            }
        };
        Ok(Self { weight, padding, bias })
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(crate) fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let y = match &self.weight {
            QMatMul::QTensor(_) => {
                let rows = x.dim(0)?;
                let both = self.weight.forward(&in_two(x, self.padding)?)?;
                (both.narrow(0, 0, rows)? + both.narrow(0, rows, rows)?)?
            }
            weight => weight.forward(x)?,
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// Rows of the weight as f32 `[ids, in]`: an embedding lookup where the matrix is one.
    pub(crate) fn rows(&self, ids: &[u32]) -> candle_core::Result<Tensor> {
        let rows = self.weight.embedding(&Tensor::new(ids, &Device::Cpu)?)?;
        let width = rows.dim(1)? - self.padding;
        rows.narrow(1, 0, width)?.contiguous()
    }
}

/// `[rows, in]` as `[2 * rows, in + padding]`: what the kernels' 8-bit activations can say exactly, and below it the rest.
///
/// The kernels give 256 values one scale, so one outlier costs all others their low bits (2% of a nat a token on
/// SmolLM2). The rest is quantised with a scale of its own. One row more costs little: small batches wait for the weights.
fn in_two(x: &Tensor, padding: usize) -> candle_core::Result<Tensor> {
    let (rows, columns) = x.dims2()?;
    let width = columns + padding;
    let values = x.contiguous()?.flatten_all()?.to_vec1::<f32>()?;
    let mut both = vec![0.0; 2 * rows * width];
    let (coarse, fine) = both.split_at_mut(rows * width);
    for ((source, coarse), fine) in values.chunks_exact(columns).zip(coarse.chunks_exact_mut(width)).zip(fine.chunks_exact_mut(width)) {
        for ((source, coarse), fine) in source.chunks(BLOCK).zip(coarse.chunks_mut(BLOCK)).zip(fine.chunks_mut(BLOCK)) {
            let scale = source.iter().fold(0.0_f32, |most, v| most.max(v.abs())) / 127.0;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            for ((v, c), f) in source.iter().zip(coarse).zip(fine) {
                *c = (v * inverse).round_ties_even() * scale;
                *f = v - *c;
            }
        }
    }
    Tensor::from_vec(both, (2 * rows, width), &Device::Cpu)
}

/// The same matrix in a type and length that the fast kernels take, and the padding that this needed.
fn relay(weight: QTensor) -> candle_core::Result<(QTensor, usize)> {
    let (rows, columns) = weight.shape().dims2()?;
    let padding = columns.next_multiple_of(BLOCK) - columns;
    match weight.dtype() {
        GgmlDType::Q4K | GgmlDType::Q6K | GgmlDType::F32 | GgmlDType::F16 | GgmlDType::BF16 => Ok((weight, 0)),
        GgmlDType::Q8_0 if padding == 0 => Ok((weight, 0)),
        GgmlDType::Q8_0 if padding % GgmlDType::Q8_0.block_size() == 0 => Ok((pad_q8_0(&weight, rows, columns, padding)?, padding)),
        _ => {
            let full = weight.dequantize(&Device::Cpu)?.pad_with_zeros(1, 0, padding)?;
            Ok((QTensor::quantize(&full, GgmlDType::Q8_0)?, padding))
        }
    }
}

fn pad_q8_0(weight: &QTensor, rows: usize, columns: usize, padding: usize) -> candle_core::Result<QTensor> {
    let (block, size) = (GgmlDType::Q8_0.block_size(), GgmlDType::Q8_0.type_size());
    let data = weight.data()?;
    let (row, zeros) = (columns / block * size, vec![0u8; padding / block * size]);
    let mut padded = Vec::with_capacity(rows * (row + zeros.len()));
    for source in data.chunks_exact(row) {
        padded.extend_from_slice(source);
        padded.extend_from_slice(&zeros);
    }
    QTensor::new(QStorage::from_data(Cow::Owned(padded), &Device::Cpu, GgmlDType::Q8_0)?, (rows, columns + padding))
}
