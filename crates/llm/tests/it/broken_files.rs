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

/// Replaces what stands `skip` bytes behind the first `mark` of a header.
fn patched(mark: &str, skip: usize, with: &[u8]) -> tempfile::NamedTempFile {
    let mut bytes = smollm2();
    let at = bytes.windows(mark.len()).position(|window| window == mark.as_bytes()).unwrap() + mark.len() + skip;
    bytes[at..at + with.len()].copy_from_slice(with);
    copy_of(&bytes)
}

/// The number behind a metadata key: its type comes first.
fn number(key: &str, value: u32) -> tempfile::NamedTempFile {
    patched(key, 4, &value.to_le_bytes())
}

/// Says what is wrong, in words that lead to it.
fn says(file: &tempfile::NamedTempFile, words: &[&str]) {
    let error = attempt(file.path()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(&error, Error::BadModel { .. } | Error::Unsupported { .. }), "{error:?}");
    assert!(text.contains(&file.path().display().to_string()), "{text}");
    assert!(words.iter().all(|word| text.contains(word)), "{words:?} in {text:?}");
}

#[test]
fn a_family_that_is_not_known_is_named_with_those_that_are() {
    says(&patched("general.architecture", 4 + 8, b"mamba"), &["`mamba`", "llama", "gemma3", "exaone"]);
}

#[test]
fn a_wrong_magic_and_an_unknown_version_are_no_gguf_file() {
    let whole = smollm2();
    let with = |bytes: &[u8]| copy_of(&[bytes, &whole[bytes.len()..]].concat());
    says(&with(b"GGML"), &["not a readable GGUF file"]);
    says(&with(b"GGUF\x63"), &["not a readable GGUF file"]);
}

#[test]
fn a_missing_tensor_is_named() {
    let renamed = patched("blk.3.attn_", 0, b"x");
    says(&renamed, &["blk.3.attn_"]);
    says(&patched("output_norm.", 0, b"s"), &["output_norm.weight"]);
}

#[test]
fn a_tensor_of_another_shape_is_named_with_both_shapes() {
    // Dimensions stand behind the name and their count; half the rows still lie inside the file.
    says(&patched("blk.0.ffn_down.weight", 4 + 8, &288_u64.to_le_bytes()), &["blk.0.ffn_down.weight", "[288, 1536]", "[576, 1536]"]);
}

#[test]
fn absurd_metadata_is_refused_before_anything_is_allocated() {
    for (key, value, words) in [
        ("llama.block_count", u32::MAX, vec!["4294967295 layers"]),
        ("llama.block_count", 0, vec!["llama.block_count"]),
        ("llama.embedding_length", u32::MAX, vec!["token_embd.weight"]),
        ("llama.embedding_length", 0, vec!["llama.embedding_length"]),
        ("llama.attention.head_count_kv", 0, vec!["9 heads, 0 KV heads"]),
        ("llama.attention.head_count_kv", 7, vec!["9 heads, 7 KV heads"]),
        ("llama.context_length", 0, vec!["llama.context_length"]),
        ("tokenizer.ggml.eos_token_id", 900_000, vec!["token 900000", "49152 tokens"]),
    ] {
        says(&number(key, value), &words);
    }
    // More metadata than the file could hold, and a key longer than the file.
    let whole = smollm2();
    for at in [16, 24] {
        let mut bytes = whole.clone();
        bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        says(&copy_of(&bytes), &["not a readable GGUF file"]);
    }
}

#[test]
fn tensors_aligned_to_multiples_of_zero_are_refused() {
    // The key stands in the place of another one of the same length.
    let mut bytes = smollm2();
    let key = b"llama.block_count";
    let at = bytes.windows(key.len()).position(|window| window == key).unwrap();
    bytes[at..at + key.len()].copy_from_slice(b"general.alignment");
    bytes[at + key.len() + 4..][..4].fill(0);
    says(&copy_of(&bytes), &["multiples of zero"]);
}

#[test]
fn a_context_that_does_not_fit_into_memory_is_refused_with_both_sizes() {
    let file = number("llama.context_length", u32::MAX);
    let options = Options { sha256: Some(String::new()), context: usize::MAX, ..Options::new(file.path()) };
    let error = Local::open(options).unwrap().complete(&ask("Hi"), &Cancel::default(), &mut |_| {}).unwrap_err();
    let Error::Memory { needed_mib, available_mib, .. } = error else { panic!("{error:?}") };
    // 30 layers, 3 KV heads, keys and values of 64 f32: 46,080 bytes a token.
    let keys = (u64::from(u32::MAX) * 46_080) >> 20;
    assert!(needed_mib > keys && needed_mib < keys + 1000 && available_mib < needed_mib, "{needed_mib} of {available_mib}");
}

#[test]
fn what_a_file_says_of_itself_is_told_without_loading_it() {
    let seen = viva_llm::inspect(viva_testkit::model("smollm2-135m").model()).unwrap();
    assert_eq!((seen.architecture.as_str(), seen.vocabulary, seen.context_length), ("llama", 49_152, 8192));
    assert_eq!((seen.tensor_types["Q4_1"], seen.tensor_types["Q8_0"], seen.kv_bytes_per_token), (210, 1, 46_080));
    assert!((130_000_000..200_000_000).contains(&seen.weight_bytes), "{seen:?}");
}

#[test]
fn another_kind_of_file_and_no_file_are_named() {
    let text = copy_of(b"this is not a model at all, but it is long enough to have a header");
    assert!(attempt(text.path()).unwrap_err().to_string().contains("not a readable GGUF file"));
    assert!(attempt(Path::new("/nowhere/model.gguf")).unwrap_err().to_string().contains("/nowhere/model.gguf: cannot be opened"));
}
