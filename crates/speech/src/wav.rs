//! WAV through hound, and files that appear whole.
//!
//! Promises that a reader of a written file sees all of it or nothing: a temporary file in the same folder is
//! filled, synced and renamed, and the folder synced, before [`write_atomic`] returns.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Cursor, Write};
use std::path::Path;

use crate::audio::integers;
use crate::{Error, Speech};

/// The bytes of a WAV file of one channel. Samples beyond -1 and 1 are clipped.
pub(crate) fn encode(samples: &[f32], sample_rate: u32, bits: u16) -> Result<Vec<u8>, Error> {
    let failed = |error: hound::Error| Error::Encode { format: "WAV", reason: error.to_string() };
    let spec = hound::WavSpec { channels: 1, sample_rate, bits_per_sample: bits, sample_format: hound::SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::with_capacity(44 + usize::from(bits / 8) * samples.len()));
    let mut writer = hound::WavWriter::new(&mut bytes, spec).map_err(failed)?;
    for sample in integers(samples, bits.into()) {
        writer.write_sample(sample).map_err(failed)?;
    }
    writer.finalize().map_err(failed)?;
    Ok(bytes.into_inner())
}

/// Writes `speech` to `path` as 16 bit WAV, all or nothing. See [`write_bytes`].
pub fn write_atomic(path: &Path, speech: &Speech) -> Result<(), Error> {
    write_bytes(path, &encode(&speech.samples, speech.sample_rate, 16)?)
}

/// Writes an encoded file to `path`, all or nothing.
///
/// # Errors
/// [`Error::Write`] when the folder is missing, full or read-only; the temporary file is gone then, and a file that
/// stood at `path` before is as it was.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| failed(io::Error::new(io::ErrorKind::InvalidInput, "not a file name")))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = folder.join(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
    let written = write_synced(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    written.and_then(|()| File::open(folder)?.sync_all()).map_err(|error| {
        // Best effort: what matters to the caller is the first failure.
        drop(fs::remove_file(&temporary));
        failed(error)
    })
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
