//! FLAC through the crate flac-codec (RFC 9639): 16 bit, one channel.

use std::io::Cursor;

use flac_codec::encode::{FlacSampleWriter, Options};

use super::integers;
use crate::Error;

const BITS: u32 = 16;

pub(super) fn encode(samples: &[f32], sample_rate: u32) -> Result<Vec<u8>, Error> {
    let failed = |error: flac_codec::Error| Error::Encode { format: "FLAC", reason: error.to_string() };
    let mut bytes = Cursor::new(Vec::new());
    let options = Options::default();
    let mut writer = FlacSampleWriter::new(&mut bytes, options, sample_rate, BITS, 1, Some(samples.len() as u64)).map_err(failed)?;
    writer.write(&integers(samples, BITS).collect::<Vec<_>>()).map_err(failed)?;
    writer.finalize().map_err(failed)?;
    Ok(bytes.into_inner())
}
