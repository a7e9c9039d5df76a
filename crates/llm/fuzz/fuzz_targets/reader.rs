//! `cargo +nightly fuzz run reader` in `crates/llm`: any bytes as a model file, up to where weights would be loaded.
#![no_main]

use std::sync::LazyLock;
use std::path::PathBuf;

static FILE: LazyLock<PathBuf> = LazyLock::new(|| std::env::temp_dir().join(format!("viva-fuzz-{}.gguf", std::process::id())));

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    std::fs::write(&*FILE, input).expect("the folder for temporary files can be written");
    drop(viva_llm::inspect(&*FILE));
});
