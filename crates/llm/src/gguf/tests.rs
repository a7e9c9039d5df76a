//! Small whole files, damaged at random.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use candle_core::quantized::gguf_file::write;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::inspect::inspect;

const WIDTH: usize = 32;

fn texts(of: &[&str]) -> Value {
    Value::Array(of.iter().map(|text| Value::String((*text).to_owned())).collect())
}

/// The whole header of a model of `family` with a vocabulary of either kind, and as few tensors as a header can have.
fn tiny(family: &str, byte_level: bool) -> Vec<u8> {
    let number = Value::U32;
    let tokens = ["<unk>", "<s>", "</s>", "a", "b", "ab", "Ġ", "▁", "<0x0A>", "é", "가", "<|im_end|>"];
    let mut pairs = vec![
        ("general.architecture".to_owned(), Value::String(family.to_owned())),
        ("general.name".to_owned(), Value::String("tiny".to_owned())),
        ("general.alignment".to_owned(), number(32)),
        ("tokenizer.ggml.model".to_owned(), Value::String(if byte_level { "gpt2" } else { "llama" }.to_owned())),
        ("tokenizer.ggml.pre".to_owned(), Value::String("smollm".to_owned())),
        ("tokenizer.ggml.tokens".to_owned(), texts(&tokens)),
        ("tokenizer.ggml.token_type".to_owned(), Value::Array([2, 3, 3, 1, 1, 1, 1, 1, 6, 1, 1, 3].map(Value::I32).to_vec())),
        ("tokenizer.ggml.scores".to_owned(), Value::Array((0..12_u8).map(|i| Value::F32(-f32::from(i))).collect())),
        ("tokenizer.ggml.bos_token_id".to_owned(), number(1)),
        ("tokenizer.ggml.eos_token_id".to_owned(), number(2)),
        ("tokenizer.chat_template".to_owned(), Value::String("{{ messages[0].content }}".to_owned())),
    ];
    if byte_level {
        pairs.push(("tokenizer.ggml.merges".to_owned(), texts(&["a b"])));
    }
    for (key, value) in
        [("embedding_length", WIDTH as u32), ("attention.head_count", 2), ("block_count", 1), ("context_length", 64), ("rope.freq_base", 9)]
    {
        pairs.push((format!("{family}.{key}"), number(value)));
    }
    let tensor =
        |shape: &[usize], kind| QTensor::quantize(&Tensor::ones(shape, candle_core::DType::F32, &Device::Cpu).unwrap(), kind).unwrap();
    let (embedding, norm) = (tensor(&[12, WIDTH], GgmlDType::Q8_0), tensor(&[WIDTH], GgmlDType::F32));
    let metadata: Vec<(&str, &Value)> = pairs.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let mut bytes = std::io::Cursor::new(Vec::new());
    write(&mut bytes, &metadata, &[("token_embd.weight", &embedding), ("blk.0.attn_norm.weight", &norm)]).unwrap();
    bytes.into_inner()
}

fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let families = [("llama", true), ("gemma3", false), ("qwen2", true), ("qwen3", true), ("exaone", true)];
    families.into_iter().map(|(family, byte_level)| (family, tiny(family, byte_level))).collect()
}

/// One change of the kind that a broken disk, a broken download or somebody with intent makes.
fn damage(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) {
    let mut below = |bound: usize| random.next_u64() as usize % bound.max(1);
    let at = below(bytes.len());
    match below(6) {
        0 => bytes[at] ^= 1 << below(8),
        1 => bytes[at] = [0, 1, 0x7F, 0x80, 0xFF][below(5)],
        2 => bytes.truncate(at),
        3 => {
            let end = (at + [1, 2, 4, 8][below(4)]).min(bytes.len());
            bytes[at..end].fill([0, 0xFF][below(2)]);
        }
        4 => {
            let piece = bytes[at..(at + below(40)).min(bytes.len())].to_vec();
            drop(bytes.splice(at..at, piece));
        }
        _ => drop(bytes.drain(at..(at + below(40)).min(bytes.len()))),
    }
}

/// Thousands of damaged headers, some changed several times: an error or another valid header, never a panic, and no memory
/// beyond the file's size times a few. `VIVA_MUTATIONS` sets how many.
#[test]
fn a_damaged_header_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.gguf");
    let mutations: usize = std::env::var("VIVA_MUTATIONS").map_or(6_000, |mutations| mutations.parse().unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(9);
    let (corpus, mut refused) = (corpus(), 0);
    for round in 0..mutations {
        let (family, whole) = &corpus[round % corpus.len()];
        let mut bytes = whole.clone();
        for _ in 0..=random.next_u64() % 3 {
            if !bytes.is_empty() {
                damage(&mut bytes, &mut random);
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let outcome = std::panic::catch_unwind(|| inspect(&path));
        let outcome = outcome.unwrap_or_else(|_| panic!("round {round}, {family}: a panic; the file is {bytes:?}"));
        refused += usize::from(outcome.is_err());
    }
    println!("{refused} of {mutations} refused");
    assert!(refused > mutations / 2 && refused < mutations, "{refused} of {mutations}: either nothing is damaged or nothing whole");
}

/// The undamaged files are fine, and are what the fuzz target starts from.
#[test]
fn the_fuzz_targets_corpus_is_of_whole_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/reader");
    for (family, bytes) in corpus() {
        let path = folder.join(family);
        if std::env::var_os("VIVA_WRITE_CORPUS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == bytes, "{family}: VIVA_WRITE_CORPUS=1 writes it anew");
        let seen = inspect(&path).unwrap();
        assert_eq!((seen.architecture.as_str(), seen.vocabulary, seen.context_length), (family, 12, 64));
    }
}
