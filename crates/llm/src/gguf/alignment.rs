//! The one number of a header that candle's reader divides by before anybody can look at it.

use std::io::{Error, ErrorKind, Read, Result, Seek};

/// Bytes of a value of each type; none for texts and lists.
const SIZES: [Option<i64>; 13] =
    [Some(1), Some(1), Some(2), Some(2), Some(4), Some(4), Some(4), Some(1), None, None, Some(8), Some(8), Some(8)];
const TEXT: u32 = 8;
const LIST: u32 = 9;
/// Lists within lists that are followed.
const DEPTH: usize = 8;

/// Whether the header says that tensors are aligned to multiples of zero. Whatever else is wrong with it is left to the reader
/// that comes after.
pub(super) fn is_zero(reader: impl Read + Seek) -> bool {
    Walk { reader, version: 0 }.find().unwrap_or(false)
}

struct Walk<R> {
    reader: R,
    version: u32,
}

impl<R: Read + Seek> Walk<R> {
    fn find(&mut self) -> Result<bool> {
        self.word()?;
        self.version = self.word()?;
        self.length()?;
        for _ in 0..self.length()? {
            let length = self.length()?;
            let mut key = vec![0; usize::try_from(length).ok().filter(|n| *n <= 1 << 16).ok_or(ErrorKind::InvalidData)?];
            self.reader.read_exact(&mut key)?;
            let kind = self.word()?;
            if key == b"general.alignment" {
                let size = SIZES.get(kind as usize).copied().flatten().ok_or(ErrorKind::InvalidData)?;
                let mut value = vec![0; size as usize];
                self.reader.read_exact(&mut value)?;
                return Ok(value.iter().all(|byte| *byte == 0));
            }
            self.skip(kind, 1, 0)?;
        }
        Ok(false)
    }

    /// Goes past `count` values of a type.
    fn skip(&mut self, kind: u32, count: u64, depth: usize) -> Result<()> {
        let damaged = || Error::from(ErrorKind::InvalidData);
        if let Some(size) = SIZES.get(kind as usize).copied().ok_or_else(damaged)? {
            let bytes = i64::try_from(count).ok().and_then(|count| count.checked_mul(size)).ok_or_else(damaged)?;
            return self.reader.seek_relative(bytes);
        }
        for _ in 0..count {
            match kind {
                TEXT => {
                    let length = i64::try_from(self.length()?).map_err(|_| damaged())?;
                    self.reader.seek_relative(length)?;
                }
                LIST if depth < DEPTH => {
                    let (kind, count) = (self.word()?, self.length()?);
                    self.skip(kind, count, depth + 1)?;
                }
                _ => return Err(damaged()),
            }
        }
        Ok(())
    }

    fn word(&mut self) -> Result<u32> {
        let mut bytes = [0; 4];
        self.reader.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn length(&mut self) -> Result<u64> {
        if self.version == 1 {
            return self.word().map(u64::from);
        }
        let mut bytes = [0; 8];
        self.reader.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}
