//! Initialisers: the constant tensors of a graph, and their values as f32.
//!
//! Owns the element types that a quantised model holds (f32, u8, i8) and the two ways ONNX stores them
//! (raw little-endian bytes, or typed repeated fields). Other element types, such as the i64 shape constants,
//! are kept unread: asking for their values is an error.

use super::wire::{Fields, Malformed, Value, packed_varints};

const FLOAT: u64 = 1;
const UINT8: u64 = 2;
const INT8: u64 = 3;

/// One constant tensor, borrowed from the file.
#[derive(Debug, Clone, Default)]
pub struct Initialiser<'a> {
    /// Its name in the graph.
    pub name: &'a str,
    /// Its shape; empty for a scalar.
    pub dims: Vec<usize>,
    element: u64,
    raw: Option<&'a [u8]>,
    floats: Vec<f32>,
    ints: Vec<u64>,
}

impl<'a> Initialiser<'a> {
    /// Reads a TensorProto (fields: dims 1, data_type 2, float_data 4, int32_data 5, name 8, raw_data 9).
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut tensor = Self::default();
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next_field()? {
            match (number, value) {
                (1, Value::Varint(dim)) => tensor.push_dim(dim)?,
                (1, Value::Bytes(packed)) => {
                    for dim in packed_varints(packed)? {
                        tensor.push_dim(dim)?;
                    }
                }
                (2, Value::Varint(element)) => tensor.element = element,
                (4, Value::Fixed32(bytes)) => tensor.floats.push(f32::from_le_bytes(bytes)),
                (4, Value::Bytes(packed)) => tensor.floats.extend(floats(packed)),
                (5, Value::Varint(int)) => tensor.ints.push(int),
                (5, Value::Bytes(packed)) => tensor.ints.extend(packed_varints(packed)?),
                (8, Value::Bytes(name)) => tensor.name = super::graph::text(name)?,
                (9, Value::Bytes(raw)) => tensor.raw = Some(raw),
                _ => {}
            }
        }
        Ok(tensor)
    }

    fn push_dim(&mut self, dim: u64) -> Result<(), Malformed> {
        // 2^31 elements a side is far beyond any model here and keeps the products below from overflowing.
        let dim = u32::try_from(dim).map_err(|_| Malformed { what: "a dimension out of range", at: 0 })?;
        self.dims.push(dim as usize);
        Ok(())
    }

    /// The values in row-major order. `None` when the element type is not f32, u8 or i8, or when there are not
    /// exactly as many values as the shape says.
    pub fn values(&self) -> Option<Vec<f32>> {
        let values: Vec<f32> = match (self.element, self.raw) {
            (FLOAT, Some(raw)) => floats(raw).collect(),
            (FLOAT, None) => self.floats.clone(),
            (UINT8, Some(raw)) => raw.iter().map(|&byte| f32::from(byte)).collect(),
            (UINT8, None) => self.ints.iter().map(|&int| f32::from(int as u8)).collect(),
            (INT8, Some(raw)) => raw.iter().map(|&byte| f32::from(byte as i8)).collect(),
            (INT8, None) => self.ints.iter().map(|&int| f32::from(int as i8)).collect(),
            _ => return None,
        };
        let expected = self.dims.iter().try_fold(1_usize, |len, dim| len.checked_mul(*dim))?;
        (values.len() == expected).then_some(values)
    }
}

fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| f32::from_le_bytes(*word))
}
