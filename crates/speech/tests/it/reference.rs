//! What ONNX Runtime computed, read from a folder of raw arrays.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use viva_speech::Frames;
use viva_speech::kokoro::Style;

pub(crate) struct Reference {
    pub(crate) name: String,
    arrays: HashMap<String, (Vec<usize>, Vec<[u8; 4]>)>,
}

impl Reference {
    pub(crate) fn open(folder: &Path) -> Self {
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

    pub(crate) fn ints(&self, name: &str) -> Vec<u32> {
        self.arrays[name].1.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
    }

    pub(crate) fn floats(&self, name: &str) -> Vec<f32> {
        self.arrays[name].1.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }

    pub(crate) fn frames(&self, name: &str) -> Frames {
        let dims = &self.arrays[name].0;
        Frames::new(dims[0], dims[1], self.floats(name)).unwrap()
    }

    pub(crate) fn style(&self) -> Style {
        Style::new(self.floats("style")).unwrap()
    }

    pub(crate) fn report(&self, what: &str, difference: f64, bar: f64) {
        eprintln!("{:16} {what:10} {difference:.2e}", self.name);
        assert!(difference <= bar, "{}: {what} differs by {difference:.2e}, more than {bar:.0e}", self.name);
    }
}

/// The committed reference `name`, and those in the folders that the environment variable `more` lists.
pub(crate) fn references(name: &str, more: &str) -> Vec<Reference> {
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures").join(name);
    let more = std::env::var_os(more);
    let more = more.iter().flat_map(std::env::split_paths).collect::<Vec<_>>();
    [committed].iter().chain(&more).map(|folder| Reference::open(folder)).collect()
}
