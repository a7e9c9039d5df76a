//! Another sample rate, by a windowed sinc through the crate rubato: 256 taps, Blackman-Harris squared, cubic between its points.

use std::borrow::Cow;

use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Async, FixedAsync, Resampler as _, SincInterpolationParameters};

use crate::Error;

const CHUNK: usize = 1024;

/// `samples` at the rate `to`; as long in seconds as before, and in step with it to a sample or so: the filter's delay is cut.
pub(super) fn resample(samples: &[f32], from: u32, to: u32) -> Result<Cow<'_, [f32]>, Error> {
    if from == to || samples.is_empty() {
        return Ok(Cow::Borrowed(samples));
    }
    let failed = |reason: String| Error::Encode { format: "another sample rate", reason };
    let ratio = f64::from(to) / f64::from(from);
    let parameters = SincInterpolationParameters::default();
    let mut filter =
        Async::<f32>::new_sinc(ratio, 1.0, &parameters, CHUNK, 1, FixedAsync::Input).map_err(|error| failed(error.to_string()))?;
    let input = InterleavedOwned::new_from(samples.to_vec(), 1, samples.len()).map_err(|error| failed(error.to_string()))?;
    let output = filter.process_all(&input, samples.len(), None).map_err(|error| failed(error.to_string()))?;
    let mut output = output.take_data();
    // The ratio is no whole number: rounded up it may be one sample too long.
    output.truncate((samples.len() as u64 * u64::from(to)).div_ceil(from.into()) as usize);
    Ok(Cow::Owned(output))
}
