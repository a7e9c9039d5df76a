//! Files that are not what they should be: an error that names the file, never a panic.

use std::path::Path;

use viva_llm::{Cancel, Engine, Error, Local, Options};

use crate::ask;

fn attempt(path: &Path) -> Result<(), Error> {
    let model = Local::open(Options { sha256: Some(String::new()), ..Options::new(path) })?;
    model.complete(&ask("Hi"), &Cancel::default(), &mut |_| {}).map(drop)
}

fn copy_of(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

fn smollm2() -> Vec<u8> {
    std::fs::read(viva_testkit::model("smollm2-135m").model()).unwrap()
}

#[test]
fn a_truncated_file_is_named_wherever_it_ends() {
    let whole = smollm2();
    for length in [0, 3, 24, 1000, 100_000, 1_500_000, whole.len() / 2, whole.len() - 1] {
        let file = copy_of(&whole[..length]);
        let error = attempt(file.path()).unwrap_err();
        assert!(matches!(&error, Error::BadModel { path, .. } if path == file.path()), "{length} bytes: {error}");
        assert!(error.to_string().contains("viva models pull"), "{error}");
    }
}

/// A flipped bit in the weights can only be seen by the file's digest (that is the catalogue's task); one in the header
/// either shows or means another, valid header. None may bring the process down.
#[test]
fn flipped_bits_in_the_header_never_panic() {
    let mut bytes = smollm2();
    bytes.truncate(2_000_000);
    let mut refused = 0;
    for step in 0..200usize {
        let (at, bit) = ((step * step * 37) % 4000, step % 8);
        bytes[at] ^= 1 << bit;
        let file = copy_of(&bytes);
        let outcome = std::panic::catch_unwind(|| attempt(file.path()));
        refused += usize::from(outcome.unwrap_or_else(|_| panic!("bit {bit} of byte {at} panics")).is_err());
        bytes[at] ^= 1 << bit;
    }
    assert_eq!(refused, 200, "the file is short as well, so all must be refused");
}

#[test]
fn another_kind_of_file_and_no_file_are_named() {
    let text = copy_of(b"this is not a model at all, but it is long enough to have a header");
    assert!(attempt(text.path()).unwrap_err().to_string().contains("not a readable GGUF file"));
    assert!(attempt(Path::new("/nowhere/model.gguf")).unwrap_err().to_string().contains("/nowhere/model.gguf: cannot be opened"));
}
