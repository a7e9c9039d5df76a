//! The engine against ONNX Runtime on the float form of the same weights, in halves: the phase of an empty bin of the
//! excitation's spectrum is the sign of a rounding error, so waves agree only when they start from the same spectrum.
//! scripts/kokoro_reference.py makes the references. `VIVA_KOKORO_REFERENCES=DIR:DIR` adds more of them to the small
//! one here; docs/speech.md records what was seen.

use viva_speech::Frames;

use crate::engine::engine;
use crate::reference::{Reference, references as read};

fn references() -> Vec<Reference> {
    read("kokoro_6_ids", "VIVA_KOKORO_REFERENCES")
}

/// Root mean square of the difference over that of the reference.
fn relative_rms(ours: &[f32], theirs: &[f32]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let squares = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>();
    let difference = squares(&mut ours.iter().zip(theirs).map(|(a, b)| f64::from(*a) - f64::from(*b)));
    (difference / squares(&mut theirs.iter().map(|x| f64::from(*x)))).sqrt()
}

#[test]
fn the_first_half_equals_the_float_model() {
    for reference in references() {
        let (style, speed) = (reference.style(), reference.floats("speed")[0]);
        let prosody = engine().model().prosody(&reference.ints("ids"), &style, speed).unwrap();
        let durations: Vec<u32> = prosody.durations.iter().map(|frames| *frames as u32).collect();
        assert_eq!(durations, reference.ints("durations"), "{}", reference.name);
        let decoded = engine().model().decode(&prosody, &style);
        for (name, ours) in [("pitch", &prosody.pitch), ("energy", &prosody.energy), ("text", &prosody.text), ("decoded", &decoded)] {
            reference.report(name, relative_rms(ours.as_slice(), &reference.floats(name)), 1e-4);
        }
    }
}

#[test]
fn the_excitation_equals_the_float_models_within_a_percent() {
    for reference in references() {
        let excitation = engine().model().excite(&reference.floats("pitch"));
        // The graph sums phases in f32, whose error grows with the length; the script computes them in f64 too.
        let exact = relative_rms(&excitation.samples, &reference.floats("exact_excitation"));
        reference.report("exact", exact, 1e-4);
        if reference.ints("ids").len() <= 64 {
            reference.report("excitation", relative_rms(&excitation.samples, &reference.floats("excitation")), 1e-2);
            let magnitudes = |frames: &Frames| (0..frames.rows()).flat_map(|row| frames.row(row)[..11].to_vec()).collect::<Vec<_>>();
            let theirs = magnitudes(&reference.frames("har"));
            reference.report("magnitudes", relative_rms(&magnitudes(&excitation.spectrum), &theirs), 1e-2);
        }
    }
}

#[test]
fn the_second_half_equals_the_float_model_sample_by_sample() {
    for reference in references() {
        let (decoded, har) = (reference.frames("decoded"), reference.frames("har"));
        let ours = engine().model().generate(&decoded, &har, &reference.style());
        let theirs = reference.floats("wave");
        assert_eq!(ours.len(), theirs.len(), "{}", reference.name);
        // The exported graph divides its first ten samples, and no others, by the window's sum: a defect that isn't copied.
        let differences = ours.iter().zip(&theirs).skip(10).map(|(a, b)| f64::from((a - b).abs()));
        reference.report("wave", differences.fold(0.0, f64::max), 1e-4);
    }
}
