//! What callers are promised, with the small real model and a tiny one of the other family.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod broken_files;
mod chunks;
mod parity;
mod retrieve;

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use viva_retrieval::{Bert, Options};

/// Loaded once for the whole binary.
static MINILM: LazyLock<Arc<Bert>> =
    LazyLock::new(|| Arc::new(Bert::open(&Options::new(viva_testkit::model("all-minilm-l6-v2").dir())).unwrap()));

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
