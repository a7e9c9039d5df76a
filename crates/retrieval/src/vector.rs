//! Vectors as they are stored: 32-bit numbers, little-endian.

use crate::Error;

/// The vector's bytes.
pub fn to_bytes(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The vector of these bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<Vec<f32>, Error> {
    let (numbers, rest) = bytes.as_chunks();
    if rest.is_empty() {
        Ok(numbers.iter().map(|&number| f32::from_le_bytes(number)).collect())
    } else {
        Err(Error::Vector { bytes: bytes.len() })
    }
}
