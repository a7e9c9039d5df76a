//! WAV files are whole or absent, and a disk that refuses says what to do.

use std::fs;
use std::path::Path;

use viva_speech::audio::Output;
use viva_speech::{Speech, wav};

fn tone(seconds: usize) -> Speech {
    let samples = (0..seconds * 24_000).map(|at| (at as f32 * 0.05).sin() * 0.5).collect();
    Speech { samples, sample_rate: 24_000 }
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_wav_holds_the_samples_at_16_bit() {
    let speech = Speech { samples: vec![0.0, 0.5, -0.5, 1.0, -1.0, 7.0, -7.0], sample_rate: 24_000 };
    let bytes = Output::default().encode(&speech).unwrap();
    let mut reader = hound::WavReader::new(bytes.as_slice()).unwrap();
    assert_eq!((reader.spec().channels, reader.spec().sample_rate, reader.spec().bits_per_sample), (1, 24_000, 16));
    let samples: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    assert_eq!(samples, [0, 16_384, -16_384, 32_767, -32_767, 32_767, -32_767]);
}

#[test]
fn a_written_file_is_whole_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("q_1.wav");
    fs::write(&path, "old").unwrap();
    wav::write_atomic(&path, &tone(1)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), Output::default().encode(&tone(1)).unwrap());
    assert_eq!(names(folder.path()), ["q_1.wav"]);
}

#[test]
fn a_full_disk_leaves_the_old_file_and_says_so() {
    viva_testkit::with_small_disk("wav_files::a_full_disk_leaves_the_old_file_and_says_so", 256 << 10, |folder| {
        let path = folder.join("q_1.wav");
        fs::write(&path, "old").unwrap();
        let before = names(folder);
        let message = wav::write_atomic(&path, &tone(30)).unwrap_err().to_string();
        assert!(message.contains("q_1.wav") && message.contains("disk is full: free some space"), "{message}");
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder), before, "no temporary file stays behind");
    });
}

#[test]
fn a_read_only_folder_says_so() {
    // Nobody may create files in /sys, root included, whom permission bits don't stop elsewhere.
    let message = wav::write_atomic(Path::new("/sys/q_1.wav"), &tone(1)).unwrap_err().to_string();
    assert!(message.contains("/sys/q_1.wav") && message.contains("choose another or change its permissions"), "{message}");
}

#[test]
fn a_missing_folder_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let message = wav::write_atomic(&folder.path().join("none/q_1.wav"), &tone(1)).unwrap_err().to_string();
    assert!(message.contains("create it first"), "{message}");
}
