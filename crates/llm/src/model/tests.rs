//! The forward pass against llama.cpp's, and its forms against each other. The golden files and the weights come from
//! `scripts/llm_reference.py`: greedy continuations by the same weights dequantised to f32.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;

use super::*;
use crate::kernel::Instructions;

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
    let config = Config { context: 2048, ..Config::read(&gguf).unwrap() };
    Model::load(&gguf, config, precision, Processor::new(Instructions::detect())).unwrap()
}

/// Pages for `tokens` more tokens.
fn table(pages: &mut Pages, tokens: usize) -> Vec<PageId> {
    (0..tokens.div_ceil(PAGE)).map(|_| pages.grow()).collect()
}

/// Log-probabilities `[rows][vocabulary]` of a sequence computed in one pass.
fn log_probabilities(model: &Model, ids: &[u32]) -> Vec<Vec<f32>> {
    let mut pages = model.new_pages();
    let table = table(&mut pages, ids.len());
    let mut batch = Batch::default();
    batch.push(ids, 0, &table);
    let all: Vec<usize> = (0..ids.len()).collect();
    let logits = model.logits(&model.forward(&batch, &mut pages, &all));
    let normalised = |row: &[f32]| {
        let most = row.iter().fold(f32::MIN, |most, v| most.max(*v));
        let sum: f64 = row.iter().map(|v| f64::from(v - most).exp()).sum();
        row.iter().map(|v| v - most - sum.ln() as f32).collect()
    };
    logits.chunks_exact(model.vocabulary()).map(normalised).collect()
}

fn likeliest(row: &[f32]) -> u32 {
    row.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).unwrap().0 as u32
}

/// Both claims from one pass over each golden sequence, since loading and running f32 weights is what costs.
fn check_against_llama_cpp(name: &str) {
    let (full, fast) = (load(name, Precision::Full), load(name, Precision::Fast));
    let (mut divergence, mut steps, mut all) = (0.0_f64, 0, 0);
    for golden in goldens(name) {
        all += golden.tokens.len();
        assert!(golden.tokens.len() >= 48, "a golden continuation of only {} tokens", golden.tokens.len());
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
    let mean = divergence / steps as f64;
    println!("{name}: {steps} steps equal llama.cpp's; divergence of the fast weights {mean:.5} nats a token");
    assert!(steps >= all * 2 / 3, "only {steps} of {all} steps could be compared");
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

/// Prefill in pieces, single steps, strangers in the same pass, a prefix on somebody else's pages: the same bits. Gemma's
/// window (512) is crossed, so both kinds of layers hide what is too far back.
#[test]
fn chunks_steps_and_batches_compute_the_same_bits() {
    for (name, kept) in [("gemma-3-270m", Kept::Full), ("smollm2-135m", Kept::Half), ("smollm2-135m", Kept::Full)] {
        let mut model = load(name, Precision::Fast);
        model.config.kept = kept;
        let ids: Vec<u32> = (0..600u32).map(|i| 1000 + (i * 7919) % 5000).collect();
        let mut pages = model.new_pages();
        let last = |batch: &Batch, pages: &mut Pages| {
            let hidden = model.forward(batch, pages, &[batch.len() - 1]);
            let few = model.logits_of(&hidden, 0, &[0, 17, 4000]);
            let all = model.logits(&hidden);
            assert_eq!(few, [all[0], all[17], all[4000]], "few logits are the same bits as all");
            all
        };
        let one = table(&mut pages, 600);
        let mut batch = Batch::default();
        batch.push(&ids, 0, &one);
        let whole = last(&batch, &mut pages);

        let pieces = table(&mut pages, 600);
        let stranger = table(&mut pages, 100);
        for (index, chunk) in ids[..597].chunks(97).enumerate() {
            let mut batch = Batch::default();
            batch.push(&ids[index * 9..][..7], index * 7, &stranger);
            batch.push(chunk, index * 97, &pieces);
            model.forward(&batch, &mut pages, &[]);
        }
        for (position, id) in ids.iter().enumerate().take(599).skip(597) {
            let mut batch = Batch::default();
            batch.push(&[*id], position, &pieces);
            model.forward(&batch, &mut pages, &[]);
        }
        // Seven pages of the first sequence, and the rest computed anew next to the last step.
        let sharing = [&one[..7], &table(&mut pages, 152)].concat();
        let mut batch = Batch::default();
        batch.push(&ids[448..], 448, &sharing);
        batch.push(&ids[599..], 599, &pieces);
        let both = model.logits(&model.forward(&batch, &mut pages, &[151, 152]));
        let [shared, stepped] = [0, 1].map(|row| &both[row * whole.len()..][..whole.len()]);
        assert!(whole == shared, "{name}: on shared pages");
        assert!(whole == stepped, "{name}: in pieces and steps");
    }
}

/// What 16 bits for keys and values cost, and that they are half as large.
#[test]
fn keys_and_values_in_half_the_memory_change_little() {
    let mut model = load("smollm2-135m", Precision::Fast);
    let golden = &goldens("smollm2-135m")[5];
    let ids = [golden.ids.as_slice(), &golden.tokens].concat();
    let (exact, full) = (log_probabilities(&model, &ids), model.new_pages().page_bytes());
    model.config.kept = Kept::Half;
    assert_eq!(model.new_pages().page_bytes() * 2, full);
    let half = log_probabilities(&model, &ids);
    let divergence = |p: &[f32], q: &[f32]| p.iter().zip(q).map(|(p, q)| f64::from(p.exp()) * f64::from(p - q)).sum::<f64>();
    let mean = exact.iter().zip(&half).map(|(p, q)| divergence(p, q)).sum::<f64>() / exact.len() as f64;
    println!("keys and values in 16 bits: {mean:.6} nats a token");
    // What the fast weights may cost, too.
    assert!(mean > 0.0 && mean < 1e-2, "{mean} nats a token");
}
