use std::fs;
use std::path::Path;

use viva_retrieval::{Bert, Options, from_bytes};

use crate::data;

fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(data("tiny").join(file), folder.path().join(file)).unwrap();
    }
    folder
}

fn refusal(folder: &Path) -> String {
    Bert::open(&Options::new(folder)).unwrap_err().to_string()
}

#[test]
fn a_missing_file_is_named_with_what_to_do() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = copy();
        fs::remove_file(folder.path().join(file)).unwrap();
        let said = refusal(folder.path());
        assert!(said.contains(file) && said.contains("viva models pull"), "{said}");
    }
}

#[test]
fn a_damaged_file_is_refused_and_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let folder = copy();
        let path = folder.path().join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        let said = refusal(folder.path());
        assert!(said.contains(file), "{said}");
    }
}

#[test]
fn a_model_of_another_kind_is_refused_by_name() {
    let cases = [
        ("\"xlm-roberta\"", "\"t5\"", "\"t5\""),
        ("\"gelu\"", "\"relu\"", "gelu"),
        ("\"num_attention_heads\": 4", "\"num_attention_heads\": 3", "heads"),
    ];
    for (here, there, expected) in cases {
        let folder = copy();
        let path = folder.path().join("config.json");
        let config = fs::read_to_string(&path).unwrap();
        assert!(config.contains(here), "{config}");
        fs::write(&path, config.replace(here, there)).unwrap();
        let said = refusal(folder.path());
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn bytes_that_are_no_vector_are_refused() {
    assert_eq!(from_bytes(&[0, 0, 128, 63, 0, 0, 0, 192]).unwrap(), [1.0, -2.0]);
    assert!(from_bytes(&[0, 0, 128]).is_err());
}
