//! Piper's voices against ONNX Runtime, and the sound in chunks against the whole. scripts/vits_reference.py makes the
//! references; `VIVA_PIPER_REFERENCES=DIR:DIR` adds more of them to the small one here.

use std::sync::OnceLock;

use viva_speech::vits::Manner;
use viva_speech::{Error, Vits};

use crate::reference::{Reference, references};

const STILL: Manner = Manner { noise: 0.0, rhythm_noise: 0.0, length: 1.0, seed: 0 };
/// What Piper's own front end makes of "Please introduce yourself."
const PHONEMES: &str = "plˈiːz ˌɪntɹədˈuːs jɔːɹsˈɛlf.";

fn voice() -> &'static Vits {
    static VOICE: OnceLock<Vits> = OnceLock::new();
    VOICE.get_or_init(|| Vits::open(viva_testkit::model("piper-joe").model()).unwrap())
}

fn joe() -> Vec<Reference> {
    references("piper_61_ids", "VIVA_PIPER_REFERENCES")
}

fn largest_difference(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

#[test]
fn durations_and_samples_equal_onnx_runtimes() {
    for reference in joe() {
        let manner = Manner { length: reference.floats("length")[0], ..STILL };
        let latent = voice().plan(&reference.ints("ids"), manner).unwrap();
        let durations: Vec<u32> = latent.durations.iter().map(|frames| *frames as u32).collect();
        assert_eq!(durations, reference.ints("durations"), "{}", reference.name);
        let wave = voice().decode(&latent, 0..latent.frames());
        reference.report("wave", largest_difference(&wave, &reference.floats("wave")), 1e-4);
    }
}

#[test]
fn phonemes_become_the_ids_that_piper_gives_them() {
    assert_eq!(voice().ids(PHONEMES), joe()[0].ints("ids"));
}

#[test]
fn chunks_equal_the_whole() {
    let latent = voice().plan(&joe()[0].ints("ids"), STILL).unwrap();
    let whole = voice().decode(&latent, 0..latent.frames());
    for frames in [1, 7, 40] {
        let starts = (0..latent.frames()).step_by(frames);
        let chunks: Vec<f32> = starts.flat_map(|start| voice().decode(&latent, start..start + frames)).collect();
        let difference = largest_difference(&chunks, &whole);
        assert!(difference < 1e-5, "{frames} frames a chunk: {difference}");
    }
}

#[test]
fn a_seed_determines_the_variation() {
    let manner = |seed| Manner { seed, ..voice().manner() };
    let say = |seed| voice().speak(PHONEMES, manner(seed)).unwrap();
    assert_eq!(say(1), say(1));
    assert_ne!(say(1).samples, say(2).samples);
    assert_eq!(say(1).sample_rate, 22_050);
}

#[test]
fn a_missing_configuration_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("voice.onnx");
    std::fs::write(&model, b"").unwrap();
    let error = Vits::open(&model).unwrap_err();
    assert!(matches!(&error, Error::Read { path, .. } if path.ends_with("voice.onnx.json")), "{error}");
    std::fs::copy(viva_testkit::model("piper-joe").file("config").unwrap(), folder.path().join("voice.onnx.json")).unwrap();
    let message = Vits::open(&model).unwrap_err().to_string();
    assert!(message.contains("voice.onnx") && message.contains("not an ONNX file"), "{message}");
}
