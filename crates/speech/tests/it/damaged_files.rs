//! Files that are not what they should be: each gives a message that names the file and says what to do.

use std::path::Path;

use viva_speech::onnx::Graph;
use viva_speech::{Error, Kokoro, KokoroFiles};

use crate::engine::files;

/// Opens the engine with the model's bytes changed.
fn open_with_model(change: impl FnOnce(&mut Vec<u8>)) -> (tempfile::TempDir, Result<Kokoro, Error>) {
    let good = files();
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = std::fs::read(&good.model).unwrap();
    change(&mut bytes);
    let model = folder.path().join("kokoro-82m-int8.onnx");
    std::fs::write(&model, bytes).unwrap();
    let opened = Kokoro::open(&KokoroFiles { model, ..good });
    (folder, opened)
}

fn message(opened: Result<Kokoro, Error>, folder: &Path) -> String {
    let message = opened.unwrap_err().to_string();
    assert!(message.contains(&folder.display().to_string()), "must name the file: {message}");
    assert!(message.contains("`viva models "), "must say what to do: {message}");
    message
}

#[test]
fn a_truncated_model_is_named_with_its_length() {
    let (folder, opened) = open_with_model(|bytes| bytes.truncate(50_000_000));
    let message = message(opened, folder.path());
    assert!(message.contains("cut short") && message.contains("50000000 bytes instead of 92361271"), "{message}");
}

#[test]
fn a_single_flipped_bit_in_a_weight_is_noticed() {
    let (folder, opened) = open_with_model(|bytes| bytes[60_000_000] ^= 0x10);
    let message = message(opened, folder.path());
    assert!(message.contains("SHA-256"), "{message}");
}

#[test]
fn a_flipped_bit_in_the_structure_is_noticed() {
    let (folder, opened) = open_with_model(|bytes| bytes[2] ^= 0xff);
    message(opened, folder.path());
}

#[test]
fn another_file_of_the_same_length_is_refused() {
    let (folder, opened) = open_with_model(|bytes| bytes.fill(b'x'));
    message(opened, folder.path());
}

#[test]
fn a_missing_model_says_how_to_fetch_it() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Kokoro::open(&KokoroFiles { model: folder.path().join("none.onnx"), ..files() });
    let message = message(opened, folder.path());
    assert!(message.contains("viva models pull kokoro"), "{message}");
}

#[test]
fn broken_voices_and_vocabulary_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken");
    let voices = std::fs::read(files().voices).unwrap();
    std::fs::write(&broken, &voices[..voices.len() / 2]).unwrap();
    message(Kokoro::open(&KokoroFiles { voices: broken.clone(), ..files() }), folder.path());
    message(Kokoro::open(&KokoroFiles { vocab: broken, ..files() }), folder.path());
}

#[test]
fn the_onnx_reader_survives_any_bytes() {
    // A small generator with a fixed seed: the same garbage on every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for len in 0..4000 {
        let garbage: Vec<u8> = (0..len % 97).map(|_| random() as u8).collect();
        assert!(Graph::parse(&garbage).is_err(), "garbage holds no graph");
    }
    // Real structure with holes: the head of the file holds the nodes.
    let bytes = std::fs::read(files().model).unwrap();
    let head = &bytes[..200_000];
    for _ in 0..300 {
        let mut broken = head.to_vec();
        for _ in 0..4 {
            let at = random() as usize % broken.len();
            broken[at] = random() as u8;
        }
        // Cut short as it is, the outer message cannot be whole.
        assert!(Graph::parse(&broken).is_err());
    }
}
