//! The decoder on whatever comes in: the corpus of the fuzz target, and changes of it that a seed decides.
//!
//! `cargo +nightly fuzz run decode` looks for more, guided by coverage.

#[path = "../../fuzz/src/check.rs"]
mod check;

use std::path::Path;

use viva_testkit::FaultPlan;

const CHANGED: usize = 20_000;

/// Inputs with their names.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/decode");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let mut corpus: Vec<_> = files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap())).collect();
    corpus.sort();
    corpus
}

#[test]
fn what_clients_sent_is_a_task() {
    let captured: Vec<_> = corpus().into_iter().filter(|(name, _)| name.starts_with("captured-")).collect();
    assert!(captured.len() >= 18, "{}", captured.len());
    for (name, input) in captured {
        assert!(check::check(&input), "{name}");
    }
}

#[test]
fn nothing_brings_the_decoder_down() {
    let corpus = corpus();
    let mut plan = FaultPlan::from_env("decoder");
    let mut tasks = 0;
    for _ in 0..CHANGED {
        let mut input = plan.pick(&corpus).1.clone();
        for _ in 0..plan.between(0..6) {
            change(&mut input, &corpus, &mut plan);
        }
        tasks += usize::from(check::check(&input));
    }
    // Neither all whole nor all broken: both halves of the decoder were reached.
    assert!((CHANGED / 100..CHANGED * 99 / 100).contains(&tasks), "{tasks} of {CHANGED} were tasks");
}

fn change(input: &mut Vec<u8>, corpus: &[(String, Vec<u8>)], plan: &mut FaultPlan) {
    let place = plan.between(0..input.len() as u64 + 1) as usize;
    let length = plan.between(1..12) as usize;
    let end = (place + length).min(input.len());
    match plan.between(0..5) {
        0 => drop(input.drain(place..end)),
        1 => drop(input.splice(place..end, (0..length).map(|_| plan.between(0..256) as u8).collect::<Vec<_>>())),
        2 => {
            let pieces = [&b"null"[..], b"[", b"]", b"{}", b"\"", b"1e999", b"-1", b"\\u0000", b"\xff", b"[[[[[[[["];
            input.splice(place..place, plan.pick(&pieces).iter().copied());
        }
        3 => {
            let other = &plan.pick(corpus).1;
            let from = plan.between(0..other.len() as u64 + 1) as usize;
            input.splice(place..end, other[from..].iter().take(100).copied());
        }
        _ => input.truncate(place.max(1)),
    }
}
