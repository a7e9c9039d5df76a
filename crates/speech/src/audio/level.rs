//! What every clip has in common: no dead time around the speech, and one loudness.

use ebur128::{EbuR128, Mode};

use crate::{Error, Speech};

/// Integrated loudness of speech (ITU-R BS.1770): what AES TD1008 recommends for speech that is streamed.
pub const LOUDNESS_LUFS: f64 = -18.0;
/// No sample, and nothing between the samples, goes beyond this: -1 dB true peak.
pub const PEAK: f64 = 0.891;

/// Below this share of the loudest frame (-46 dB) it is silence: a breath stays, the hum of a model does not.
const SILENCE: f32 = 0.005;
const FRAME_MS: usize = 10;
/// What is left of silence before and after, so that no sound is cut and two clips do not run into one another.
const LEAD_MS: usize = 60;
const TAIL_MS: usize = 120;

/// The same speech without the silence around it, at [`LOUDNESS_LUFS`] or as near as [`PEAK`] allows.
pub fn level(mut speech: Speech) -> Result<Speech, Error> {
    trim(&mut speech);
    let gain = gain(&speech).map_err(|error| Error::Encode { format: "loudness", reason: error.to_string() })?;
    speech.samples.iter_mut().for_each(|sample| *sample *= gain);
    Ok(speech)
}

fn trim(speech: &mut Speech) {
    let per_ms = speech.sample_rate as usize / 1000;
    let energy = |frame: &[f32]| (frame.iter().map(|x| x * x).sum::<f32>() / frame.len() as f32).sqrt();
    let frames: Vec<f32> = speech.samples.chunks(FRAME_MS * per_ms).map(energy).collect();
    let floor = SILENCE * frames.iter().copied().fold(0.0, f32::max);
    let loud = |level: &f32| *level > floor;
    let (Some(first), Some(last)) = (frames.iter().position(loud), frames.iter().rposition(loud)) else { return };
    let begin = (first * FRAME_MS).saturating_sub(LEAD_MS) * per_ms;
    let end = (((last + 1) * FRAME_MS + TAIL_MS) * per_ms).min(speech.samples.len());
    speech.samples.truncate(end);
    speech.samples.drain(..begin);
}

/// What the samples are to be multiplied by. A clip too short to have a loudness (0.4 s) keeps its own.
fn gain(speech: &Speech) -> Result<f32, ebur128::Error> {
    let mut meter = EbuR128::new(1, speech.sample_rate, Mode::I | Mode::TRUE_PEAK)?;
    meter.add_frames_f32(&speech.samples)?;
    let (loudness, peak) = (meter.loudness_global()?, meter.true_peak(0)?);
    let wanted = if loudness.is_finite() { 10_f64.powf((LOUDNESS_LUFS - loudness) / 20.0) } else { 1.0 };
    Ok(if peak > 0.0 { wanted.min(PEAK / peak) } else { 1.0 } as f32)
}
