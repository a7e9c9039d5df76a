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
        let y = if self.padding > 0 { self.weight.forward(&x.pad_with_zeros(1, 0, self.padding)?)? } else { self.weight.forward(x)? };
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
