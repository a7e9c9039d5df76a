//! The forward pass against llama.cpp's, and its forms against each other. The golden files and the weights come from
//! `scripts/llm_reference.py`: greedy continuations by the same weights dequantised to f32.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct Golden {
    prompt: String,
    ids: Vec<u32>,
    tokens: Vec<u32>,
    /// Distance of the two likeliest log-probabilities at each step.
    gaps: Vec<f32>,
}

fn goldens(name: &str) -> Vec<Golden> {
    let path = format!("{}/tests/it/golden/{name}.greedy.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn load(name: &str, precision: Precision) -> Model {
    let gguf = Gguf::open(viva_testkit::model(name).model()).unwrap();
    let config = Config::read(&gguf).unwrap();
    Model::load(&gguf, config, precision).unwrap()
}

/// Log-probabilities `[rows, vocabulary]` of a sequence computed in one pass.
fn log_probabilities(model: &Model, ids: &[u32]) -> Vec<Vec<f32>> {
    let mut cache = model.new_cache().unwrap();
    let hidden = model.rows(&mut [Run { tokens: ids, cache: &mut cache }]).unwrap();
    let logits = model.logits(&model.normalise(&hidden).unwrap()).unwrap();
    candle_nn::ops::log_softmax(&logits, 1).unwrap().to_vec2().unwrap()
}

fn likeliest(row: &[f32]) -> u32 {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0 as u32
}

/// Both claims from one pass over each golden sequence, since loading and running f32 weights is what costs.
fn check_against_llama_cpp(name: &str) {
    let (full, fast) = (load(name, Precision::Full), load(name, Precision::Fast));
    let (mut divergence, mut steps) = (0.0_f64, 0);
    for golden in goldens(name) {
        assert!(golden.tokens.len() >= 32, "a golden continuation of only {} tokens", golden.tokens.len());
        let ids = [golden.ids.as_slice(), &golden.tokens].concat();
        let (exact, quick) = (log_probabilities(&full, &ids), log_probabilities(&fast, &ids));
        for (step, (token, gap)) in golden.tokens.iter().zip(&golden.gaps).enumerate() {
            let row = golden.ids.len() - 1 + step;
            let ours = likeliest(&exact[row]);
            if ours != *token {
                // Two tokens as good as equal: rounding decides. Every later step would compare different texts.
                assert!(*gap < 0.1, "{name}, {:?}, step {step}: {ours} instead of {token}, {gap} apart", golden.prompt);
                println!("{name}, {:?}: first difference at step {step}, where llama.cpp's top two are {gap} apart", golden.prompt);
                break;
            }
            divergence += exact[row].iter().zip(&quick[row]).map(|(p, q)| f64::from(p.exp()) * f64::from(p - q)).sum::<f64>();
            steps += 1;
        }
    }
    let mean = divergence / f64::from(steps);
    println!("{name}: {steps} steps equal llama.cpp's; divergence of the fast weights {mean:.5} nats a token");
    assert!(steps >= 320, "only {steps} of 480 steps could be compared");
    assert!(mean <= 0.01, "{name}: the fast weights diverge by {mean} nats a token");
}

#[test]
fn smollm2_continues_as_llama_cpp_does() {
    check_against_llama_cpp("smollm2-135m");
}

#[test]
fn gemma_3_continues_as_llama_cpp_does() {
    check_against_llama_cpp("gemma-3-270m");
}

/// Prefill in pieces, single steps behind a cache, a batch of two: the same rows, whatever they are computed with. Gemma's
/// window (512) is crossed, so both kinds of layers mask.
#[test]
fn chunks_steps_and_batches_compute_the_same() {
    let model = load("gemma-3-270m", Precision::Full);
    let ids: Vec<u32> = (0..600u32).map(|i| 1000 + (i * 7919) % 5000).collect();
    let mut whole = model.new_cache().unwrap();
    let one = model.forward(&mut [Run { tokens: &ids, cache: &mut whole }]).unwrap();
    let mut pieces = model.new_cache().unwrap();
    for chunk in ids[..597].chunks(128) {
        model.forward(&mut [Run { tokens: chunk, cache: &mut pieces }]).unwrap();
    }
    let mut other = model.new_cache().unwrap();
    for id in &ids[597..599] {
        model.forward(&mut [Run { tokens: &[*id], cache: &mut pieces }]).unwrap();
    }
    let two = model.forward(&mut [Run { tokens: &ids[..5], cache: &mut other }, Run { tokens: &ids[599..], cache: &mut pieces }]).unwrap();
    let (one, two): (Vec<Vec<f32>>, Vec<Vec<f32>>) = (one.to_vec2().unwrap(), two.to_vec2().unwrap());
    let scale = one[0].iter().fold(0.0_f32, |m, x| m.max(x.abs()));
    let worst = one[0].iter().zip(&two[1]).fold(0.0_f32, |m, (a, b)| m.max((a - b).abs()));
    assert!(worst < scale * 1e-3, "differs by {worst} at a scale of {scale}");
    pieces.truncate(10);
    assert_eq!((pieces.len(), whole.len()), (10, 600));
}
