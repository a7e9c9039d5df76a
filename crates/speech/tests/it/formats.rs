//! What another program hears in our files: libsndfile, in its Python package, decodes them.

use std::f64::consts::TAU;
use std::path::Path;

use viva_speech::Speech;
use viva_speech::audio::{Format, LOUDNESS_LUFS, Output, PEAK, level};

const SOUNDFILE: &str = "cffi==2.1.1\nnumpy==2.4.6\npycparser==3.12\nsoundfile==0.14.0\n";

/// Decodes a file to f32, little-endian, and prints rate, channels and what it takes the file for.
const DECODE: &str = "
import sys, soundfile
samples, rate = soundfile.read(sys.argv[1], dtype='float32')
info = soundfile.info(sys.argv[1])
samples.astype('<f4').tofile(sys.argv[2])
print(rate, info.channels, info.format, info.subtype)
";

/// A tone of `hz` for `seconds` at half of full scale.
fn tone(hz: f64, seconds: f64, sample_rate: u32) -> Speech {
    let rate = f64::from(sample_rate);
    let samples = (0..(seconds * rate) as usize).map(|at| (0.5 * (TAU * hz * at as f64 / rate).sin()) as f32).collect();
    Speech { samples, sample_rate }
}

/// A voice-like sound: harmonics that come and go.
fn chord(seconds: f64) -> Speech {
    let mut speech = tone(150.0, seconds, 24_000);
    for (at, sample) in speech.samples.iter_mut().enumerate() {
        let t = at as f64 / 24_000.0;
        let harmonics = (1..20).map(|h| (TAU * 150.0 * f64::from(h) * t).sin() / f64::from(h)).sum::<f64>();
        *sample = (0.2 * harmonics * (1.5 + (TAU * 3.0 * t).sin()) / 2.5) as f32;
    }
    speech
}

fn decoded(folder: &Path, output: Output, speech: &Speech) -> (Vec<f32>, String) {
    let (file, raw) = (folder.join(format!("a.{}", output.format().extension())), folder.join("raw"));
    std::fs::write(&file, output.encode(speech).unwrap()).unwrap();
    let done = viva_testkit::python(SOUNDFILE).args(["-c", DECODE]).args([&file, &raw]).output().unwrap();
    assert!(done.status.success(), "{output}: {}", String::from_utf8_lossy(&done.stderr));
    let samples = std::fs::read(&raw).unwrap();
    let samples = samples.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    (samples, String::from_utf8(done.stdout).unwrap().trim().to_owned())
}

/// Signal over difference in dB, after the first and last 20 ms.
fn snr_db(ours: &[f32], theirs: &[f32], sample_rate: u32) -> f64 {
    let edge = sample_rate as usize / 50;
    let (mut signal, mut noise) = (0.0, 0.0);
    for (a, b) in ours.iter().zip(theirs).skip(edge).take(ours.len().saturating_sub(2 * edge)) {
        signal += f64::from(a * a);
        noise += f64::from(a - b).powi(2);
    }
    10.0 * (signal / noise).log10()
}

#[test]
fn lossless_files_hold_every_sample() {
    let folder = tempfile::tempdir().unwrap();
    // Shorter than a frame of FLAC, longer, and not a multiple.
    for seconds in [0.01, 0.5, 1.7013] {
        let speech = chord(seconds);
        for (format, kind, bits) in
            [(Format::Wav, "WAV PCM_16", 16), (Format::Wav24, "WAVEX PCM_24", 24), (Format::Flac, "FLAC PCM_16", 16)]
        {
            let (heard, said) = decoded(folder.path(), Output::new(format, 24_000).unwrap(), &speech);
            assert_eq!(said, format!("24000 1 {kind}"));
            assert_eq!(heard.len(), speech.samples.len(), "{format}");
            // Half a step of rounding, and the decoder's full scale is one step larger than ours.
            let step = 1.0 / f64::from(1 << (bits - 1));
            let worst = heard.iter().zip(&speech.samples).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
            assert!(worst <= 1.6 * step + 1e-7, "{format}: {worst}");
        }
    }
}

#[test]
fn opus_begins_and_ends_where_the_sound_does() {
    let folder = tempfile::tempdir().unwrap();
    for seconds in [0.013, 0.5, 1.7013] {
        let speech = chord(seconds);
        let (heard, said) = decoded(folder.path(), Output::new(Format::Opus, 24_000).unwrap(), &speech);
        assert_eq!(said, "24000 1 OGG OPUS");
        assert_eq!(heard.len(), speech.samples.len());
    }
    let speech = chord(2.0);
    let (heard, _) = decoded(folder.path(), Output::new(Format::Opus, 24_000).unwrap(), &speech);
    // A shift of a single sample would leave 18 dB at most; the codec keeps the shape of a wave only roughly.
    let snr = snr_db(&speech.samples, &heard, 24_000);
    assert!(snr > 10.0, "{snr} dB");
    let bytes = Output::new(Format::Opus, 24_000).unwrap().encode(&speech).unwrap().len();
    assert!((4_000..14_000).contains(&bytes), "two seconds at 32 kbit/s: {bytes} bytes");
}

#[test]
fn another_rate_is_the_same_sound() {
    for (from, to) in [(24_000, 8_000), (24_000, 16_000), (24_000, 22_050), (24_000, 44_100), (24_000, 48_000), (22_050, 24_000)] {
        let speech = tone(1_000.0, 1.0, from);
        let wav = Output::new(Format::Wav24, to).unwrap().encode(&speech).unwrap();
        let heard = hound::WavReader::new(&wav[..]).unwrap().into_samples::<i32>();
        let heard: Vec<f32> = heard.map(|sample| sample.unwrap() as f32 / 8_388_607.0).collect();
        assert_eq!(heard.len(), to as usize, "{from} to {to}");
        let (snr, delay) = of_tone(&heard, 1_000.0, to);
        assert!(snr > 80.0, "{from} to {to}: {snr} dB");
        assert!(delay.abs() < 1.5, "{from} to {to}: {delay} samples late");
    }
}

/// How much of the samples is a tone of `hz`, in dB over the rest, and by how many samples it is late. Without the first and last
/// 20 ms; sine and cosine of whole periods are orthogonal, so their shares are those of the nearest tone.
fn of_tone(samples: &[f32], hz: f64, rate: u32) -> (f64, f64) {
    let step = TAU * hz / f64::from(rate);
    let edge = rate as usize / 50;
    let middle = edge..samples.len() - edge;
    let share = |wave: fn(f64) -> f64| {
        let sum: f64 = middle.clone().map(|at| f64::from(samples[at]) * wave(step * at as f64)).sum();
        2.0 * sum / middle.len() as f64
    };
    let (sine, cosine) = (share(f64::sin), share(f64::cos));
    let rest = |at: usize| f64::from(samples[at]) - sine * (step * at as f64).sin() - cosine * (step * at as f64).cos();
    let noise = middle.clone().map(|at| rest(at).powi(2)).sum::<f64>() / middle.len() as f64;
    let signal = f64::midpoint(sine * sine, cosine * cosine);
    (10.0 * (signal / noise).log10(), -cosine.atan2(sine) / step)
}

#[test]
fn what_a_lower_rate_cannot_hold_is_gone() {
    // 5 kHz at 8 kHz would come back as 3 kHz.
    let wav = Output::new(Format::Wav24, 8_000).unwrap().encode(&tone(5_000.0, 1.0, 24_000)).unwrap();
    let heard = hound::WavReader::new(&wav[..]).unwrap().into_samples::<i32>().map(|sample| sample.unwrap().unsigned_abs());
    let worst = heard.skip(200).take(7_600).max().unwrap();
    assert!(f64::from(worst) / 8_388_607.0 < 1e-4, "-80 dB: {worst}");
}

#[test]
fn loudness_is_the_standards() {
    // ITU-R BS.1770-4, annex 1: a sine of 997 Hz at 0 dB full scale in one front channel reads -3.01 LKFS.
    let at_level = |speech| level(speech).unwrap();
    let peak = |speech: &Speech| speech.samples.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    let expected = 10_f64.powf((LOUDNESS_LUFS + 3.01) / 20.0);
    for gain in [0.01, 0.3, 2.0] {
        let mut speech = tone(997.0, 3.0, 24_000);
        speech.samples.iter_mut().for_each(|sample| *sample *= gain);
        let peak = f64::from(peak(&at_level(speech)));
        assert!((20.0 * (peak / expected).log10()).abs() < 0.1, "{gain}: {peak} instead of {expected}");
    }
    // A click over a whisper: its peak is what bounds the gain.
    let mut clicks = tone(300.0, 2.0, 24_000);
    clicks.samples.iter_mut().enumerate().for_each(|(at, sample)| *sample *= if at % 12_000 < 24 { 1.0 } else { 0.02 });
    let peak = f64::from(peak(&at_level(clicks)));
    assert!(peak <= PEAK && peak > 0.7 * PEAK, "{peak}");
}

#[test]
fn silence_around_the_speech_goes_and_the_speech_stays() {
    let mut padded = Speech { samples: vec![0.0; 24_000], sample_rate: 24_000 };
    padded.samples.extend(chord(1.0).samples);
    padded.samples.extend(vec![1e-5; 48_000]);
    let trimmed = level(padded).unwrap();
    assert!((1.1..1.25).contains(&trimmed.seconds()), "{}", trimmed.seconds());
    let nothing = Speech { samples: vec![0.0; 2_400], sample_rate: 24_000 };
    assert_eq!(level(nothing.clone()).unwrap(), nothing, "silence alone stays as it is");
    // A pause inside is part of the speech.
    let mut paused = chord(0.5);
    paused.samples.extend(vec![0.0; 24_000]);
    paused.samples.extend(chord(0.5).samples);
    assert!(level(paused).unwrap().seconds() > 1.9);
}

#[test]
fn a_format_that_is_not_there_names_those_that_are() {
    for name in ["mp3", "aac", "MP3", ""] {
        let said = name.parse::<Format>().unwrap_err().to_string();
        assert!(said.contains("wav, wav24, pcm, flac, opus"), "{said}");
    }
    assert_eq!(" FLAC ".parse::<Format>().unwrap(), Format::Flac);
    assert_eq!(Format::of_extension("OGG").unwrap(), Format::Opus);
    assert!(Output::new(Format::Wav, 96_000).is_err() && Output::new(Format::Opus, 22_050).is_err());
    for format in Format::ALL {
        assert_eq!(format.name().parse::<Format>().unwrap(), format);
    }
}
