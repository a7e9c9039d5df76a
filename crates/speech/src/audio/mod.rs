//! From samples to the bytes of a file: silence trimmed, loudness set, resampled, encoded.
//!
//! Owns the formats and their limits. Promises the same bytes for the same samples, and the whole of the sound in every format: what
//! an encoder delays or pads is flushed and cut. Doesn't write files (see [`crate::wav`]) and has no MP3 or AAC: no encoder of
//! theirs is both permissive and kept up; who asks is told what there is.

mod flac;
mod level;
mod opus;
mod resample;

use std::fmt;
use std::str::FromStr;

pub use level::{LOUDNESS_LUFS, PEAK, level};

use crate::{Error, Speech, wav};

/// A way to write sound down. One channel in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Format {
    /// WAV, 16 bit.
    #[default]
    Wav,
    /// WAV, 24 bit.
    Wav24,
    /// Bare 16 bit samples, little-endian, without a header.
    Pcm,
    /// FLAC, 16 bit (RFC 9639).
    Flac,
    /// Opus in Ogg (RFC 6716, RFC 7845), 32 kbit/s: speech that can hardly be told from the original.
    Opus,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Wav, Self::Wav24, Self::Pcm, Self::Flac, Self::Opus];

    /// Its name on the command line and in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Wav24 => "wav24",
            Self::Pcm => "pcm",
            Self::Flac => "flac",
            Self::Opus => "opus",
        }
    }

    /// The usual ending of such a file, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav | Self::Wav24 => "wav",
            other => other.name(),
        }
    }

    /// The format that a file's ending asks for: `wav`, `pcm`, `raw`, `flac`, `opus`, `ogg`, in any case.
    ///
    /// # Errors
    /// [`Error::Format`] for any other, `mp3` among them.
    pub fn of_extension(extension: &str) -> Result<Self, Error> {
        match extension.to_ascii_lowercase().as_str() {
            "raw" => Ok(Self::Pcm),
            "ogg" | "oga" => Ok(Self::Opus),
            other => other.parse(),
        }
    }

    /// The media type of its bytes (RFC 7845, RFC 9639; WAV has no registered one, this is what browsers know).
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Wav | Self::Wav24 => "audio/wav",
            Self::Pcm => "audio/pcm",
            Self::Flac => "audio/flac",
            Self::Opus => "audio/ogg; codecs=opus",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let name = name.trim().to_ascii_lowercase();
        Self::ALL.into_iter().find(|format| format.name() == name).ok_or(Error::Format { name })
    }
}

/// How sound is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Output {
    format: Format,
    sample_rate: u32,
}

impl Default for Output {
    /// What an existing platform expects: WAV, 16 bit, at the rate of the default voice.
    fn default() -> Self {
        Self { format: Format::Wav, sample_rate: crate::SAMPLE_RATE }
    }
}

impl Output {
    /// A format at a rate in Hz, from 8,000 to 48,000. Opus knows five of them.
    ///
    /// # Errors
    /// [`Error::SampleRate`].
    pub fn new(format: Format, sample_rate: u32) -> Result<Self, Error> {
        let fits = match format {
            Format::Opus => opus::RATES.contains(&sample_rate),
            _ => (8_000..=48_000).contains(&sample_rate),
        };
        if fits { Ok(Self { format, sample_rate }) } else { Err(Error::SampleRate { format, sample_rate }) }
    }

    /// The format.
    pub fn format(self) -> Format {
        self.format
    }

    /// Samples a second.
    pub fn sample_rate(self) -> u32 {
        self.sample_rate
    }

    /// The bytes of a file that holds `speech`, resampled where its rate is another. Samples beyond -1 and 1 are clipped.
    pub fn encode(self, speech: &Speech) -> Result<Vec<u8>, Error> {
        let samples = &resample::resample(&speech.samples, speech.sample_rate, self.sample_rate)?[..];
        match self.format {
            Format::Wav => wav::encode(samples, self.sample_rate, 16),
            Format::Wav24 => wav::encode(samples, self.sample_rate, 24),
            Format::Pcm => Ok(integers(samples, 16).flat_map(|sample| (sample as i16).to_le_bytes()).collect()),
            Format::Flac => flac::encode(samples, self.sample_rate),
            Format::Opus => opus::encode(samples, self.sample_rate),
        }
    }
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.format, self.sample_rate)
    }
}

/// Samples as signed integers of `bits`: full scale is the largest of them, both ways.
pub(crate) fn integers(samples: &[f32], bits: u32) -> impl Iterator<Item = i32> + '_ {
    let full = f64::from((1_u32 << (bits - 1)) - 1);
    samples.iter().map(move |sample| (f64::from(sample.clamp(-1.0, 1.0)) * full).round() as i32)
}
