//! The engine against ONNX Runtime on the float form of the same weights, in halves: the phase of an empty bin of the
//! excitation's spectrum is the sign of a rounding error, so waves agree only when they start from the same spectrum.
//! scripts/kokoro_reference.py makes the references. `VIVA_KOKORO_REFERENCES=DIR:DIR` adds more of them to the small
//! one here; docs/speech.md records what was seen.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use viva_speech::Frames;
use viva_speech::kokoro::Style;

use crate::engine::engine;

struct Reference {
    name: String,
    arrays: HashMap<String, (Vec<usize>, Vec<[u8; 4]>)>,
}

impl Reference {
    fn open(folder: &Path) -> Self {
        let shapes = std::fs::read_to_string(folder.join("shapes.txt")).unwrap();
        let array = |line: &str| {
            let mut words = line.split(' ');
            let name = words.next().unwrap().to_owned();
            let dims = words.skip(1).map(|dim| dim.parse().unwrap()).collect();
            let bytes = std::fs::read(folder.join(format!("{name}.bin"))).unwrap();
            (name, (dims, bytes.as_chunks().0.to_vec()))
        };
        Self { name: folder.file_name().unwrap().to_string_lossy().into_owned(), arrays: shapes.lines().map(array).collect() }
    }

    fn ints(&self, name: &str) -> Vec<u32> {
        self.arrays[name].1.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        self.arrays[name].1.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    fn frames(&self, name: &str) -> Frames {
        let dims = &self.arrays[name].0;
        Frames::new(dims[0], dims[1], self.floats(name)).unwrap()
    }

    fn style(&self) -> Style {
        Style::new(self.floats("style")).unwrap()
    }

    fn report(&self, what: &str, difference: f64, bar: f64) {
        eprintln!("{:16} {what:10} {difference:.2e}", self.name);
        assert!(difference <= bar, "{}: {what} differs by {difference:.2e}, more than {bar:.0e}", self.name);
    }
}

fn references() -> Vec<Reference> {
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/kokoro_6_ids");
    let more = std::env::var_os("VIVA_KOKORO_REFERENCES");
    let more = more.iter().flat_map(std::env::split_paths).collect::<Vec<_>>();
    [committed].iter().chain(&more).map(|folder| Reference::open(folder)).collect()
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
