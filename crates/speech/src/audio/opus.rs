//! Opus in Ogg through the crate opus-pure (RFC 6716, RFC 7845): a port of libopus without C, which writes the container too.

use opus_pure::{Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead};

use crate::Error;

/// The rates that the codec knows, in Hz.
pub(super) const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
/// Transparent for one voice (RFC 7587, section 3.1.1 recommends 28 to 40 kbit/s for fullband speech).
const BITS_PER_SECOND: i32 = 32_000;
const FRAMES_PER_SECOND: usize = 50;
/// The container counts in samples of 48 kHz, whatever the codec runs at.
const TICKS_PER_SECOND: usize = 48_000;

pub(super) fn encode(samples: &[f32], sample_rate: u32) -> Result<Vec<u8>, Error> {
    packets(samples, sample_rate as usize).map_err(|error| Error::Encode { format: "Opus", reason: error.to_string() })
}

/// Whole frames until the encoder has given back everything it was fed; the last one says where the sound ends.
fn packets(samples: &[f32], rate: usize) -> opus_pure::Result<Vec<u8>> {
    let mut encoder = OpusEncoder::new(rate as i32, 1, Application::Audio)?;
    encoder.bitrate_bps = BITS_PER_SECOND;
    let head = OpusHead::for_encoder(&encoder, rate as u32);
    let (frame, ticks, delay) = (rate / FRAMES_PER_SECOND, TICKS_PER_SECOND / rate, usize::from(head.pre_skip));
    let frames = (samples.len() + delay.div_ceil(ticks)).div_ceil(frame);
    let end = (delay + samples.len() * ticks) as u64;
    let mut writer = OggOpusWriter::new(Vec::new(), head)?;
    let (mut block, mut packet) = (vec![0.0; frame], vec![0; MAX_PACKET_BYTES]);
    for index in 0..frames {
        let rest = samples.get(index * frame..).unwrap_or_default();
        let sound = rest.len().min(frame);
        block[..sound].copy_from_slice(&rest[..sound]);
        block[sound..].fill(0.0);
        let bytes = encoder.encode(&block, frame, &mut packet)?;
        if index + 1 == frames {
            writer.write_packet_with_duration(&packet[..bytes], (end - writer.granule() as u64) as u32)?;
        } else {
            writer.write_packet(&packet[..bytes])?;
        }
    }
    writer.finish()
}
