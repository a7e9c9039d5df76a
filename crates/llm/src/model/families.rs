//! Every family against an independent forward pass (`scripts/llm_families.py`), on tiny random weights that both sides draw
//! from the same generator; sequences are longer than a page, and than the window where there is one.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use candle_core::quantized::gguf_file::{Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use serde::Deserialize;

use super::*;
use crate::kernel::Instructions;

#[derive(Deserialize)]
struct Golden {
    tokens: Vec<u32>,
    /// Family, row, logits.
    logits: HashMap<String, HashMap<usize, Vec<f32>>>,
}

/// Heads, KV heads, values of a head.
const SHAPES: [(&str, [usize; 3]); 5] =
    [("llama", [4, 2, 16]), ("qwen2", [4, 2, 16]), ("qwen3", [4, 1, 32]), ("gemma3", [2, 1, 32]), ("exaone", [4, 2, 16])];
const WIDTH: usize = 64;
const INNER: usize = 96;
const VOCABULARY: usize = 48;
const LAYERS: usize = 7;

/// CRC-32 of the name starts the generator.
fn draw(name: &str, shape: &[usize]) -> QTensor {
    let mut crc = u32::MAX;
    for byte in name.bytes() {
        crc ^= u32::from(byte);
        (0..8).for_each(|_| crc = (crc >> 1) ^ (0xEDB8_8320 & 0_u32.wrapping_sub(crc & 1)));
    }
    let mut state = !crc;
    let factor = if name.contains("norm") || shape.len() == 1 { 1.0 } else { 4.0 / (shape[1] as f32).sqrt() };
    let offset = if name.contains("norm") { 1.0 } else { 0.0 };
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) * factor + offset
    };
    let values: Vec<f32> = (0..shape.iter().product()).map(next).collect();
    QTensor::quantize(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap(), GgmlDType::F32).unwrap()
}

fn metadata(family: &str, [heads, kv_heads, head]: [usize; 3]) -> Vec<(String, Value)> {
    let number = |n: usize| Value::U32(n as u32);
    let mut pairs = vec![
        ("embedding_length", number(WIDTH)),
        ("attention.head_count", number(heads)),
        ("attention.head_count_kv", number(kv_heads)),
        ("attention.key_length", number(head)),
        ("block_count", number(LAYERS)),
        ("context_length", number(128)),
        ("attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("rope.freq_base", Value::F32(if family == "gemma3" { 1e6 } else { 1e4 })),
    ];
    if family == "gemma3" {
        pairs.push(("attention.sliding_window", number(20)));
    }
    let named = pairs.into_iter().map(|(key, value)| (format!("{family}.{key}"), value));
    named.chain([("general.architecture".to_owned(), Value::String(family.to_owned()))]).collect()
}

fn tensors(family: &str, [heads, kv_heads, head]: [usize; 3]) -> Vec<(String, QTensor)> {
    let mut all: Vec<(String, Vec<usize>)> =
        vec![("token_embd.weight".into(), vec![VOCABULARY, WIDTH]), ("output_norm.weight".into(), vec![WIDTH])];
    if family != "gemma3" {
        all.push(("output.weight".into(), vec![VOCABULARY, WIDTH]));
    }
    for layer in 0..LAYERS {
        let mut own = |part: &str, shape: &[usize]| all.push((format!("blk.{layer}.{part}"), shape.to_vec()));
        for (part, rows) in [("q", heads * head), ("k", kv_heads * head), ("v", kv_heads * head)] {
            own(&format!("attn_{part}.weight"), &[rows, WIDTH]);
            if family == "qwen2" {
                own(&format!("attn_{part}.bias"), &[rows]);
            }
        }
        own("attn_output.weight", &[WIDTH, heads * head]);
        own("attn_norm.weight", &[WIDTH]);
        own("ffn_norm.weight", &[WIDTH]);
        own("ffn_gate.weight", &[INNER, WIDTH]);
        own("ffn_up.weight", &[INNER, WIDTH]);
        own("ffn_down.weight", &[WIDTH, INNER]);
        if ["qwen3", "gemma3"].contains(&family) {
            own("attn_q_norm.weight", &[head]);
            own("attn_k_norm.weight", &[head]);
        }
        if family == "gemma3" {
            own("post_attention_norm.weight", &[WIDTH]);
            own("post_ffw_norm.weight", &[WIDTH]);
        }
    }
    let mut drawn: Vec<_> = all.into_iter().map(|(name, shape)| (name.clone(), draw(&format!("{family}.{name}"), &shape))).collect();
    if family == "exaone" {
        let factors: Vec<f32> = (0..head / 2).map(|i| 1.0 + i as f32 / 8.0).collect();
        let factors = Tensor::from_vec(factors, head / 2, &Device::Cpu).unwrap();
        drawn.push(("rope_freqs.weight".to_owned(), QTensor::quantize(&factors, GgmlDType::F32).unwrap()));
    }
    drawn
}

fn model(family: &str, shape: [usize; 3], precision: Precision) -> Model {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (metadata, tensors) = (metadata(family, shape), tensors(family, shape));
    let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (key.as_str(), value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    write(&mut file.reopen().unwrap(), &metadata, &tensors).unwrap();
    let gguf = Gguf::open(file.path()).unwrap();
    Model::load(&gguf, Config::read(&gguf).unwrap(), precision, Processor::new(Instructions::detect())).unwrap()
}

#[test]
fn every_family_computes_what_its_papers_say() {
    let path = format!("{}/tests/it/golden/families.json", env!("CARGO_MANIFEST_DIR"));
    let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for (family, shape) in SHAPES {
        let model = model(family, shape, Precision::Full);
        let mut pages = model.new_pages();
        let table = vec![pages.grow(), pages.grow()];
        let mut batch = Batch::default();
        batch.push(&golden.tokens, 0, &table);
        let rows: Vec<usize> = (0..golden.tokens.len()).collect();
        let logits = model.logits(&model.forward(&batch, &mut pages, &rows));
        for (row, expected) in &golden.logits[family] {
            let ours = &logits[row * VOCABULARY..][..VOCABULARY];
            let scale = expected.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
            let worst = ours.iter().zip(expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs()));
            assert!(scale > 0.5 && worst < 1e-3 * scale.max(1.0), "{family}, row {row}: off by {worst} at a scale of {scale}");
        }
    }
}
