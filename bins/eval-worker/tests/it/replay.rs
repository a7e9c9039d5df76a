//! Stored evaluations, computed again by a real model: the same bytes, whatever else it decodes meanwhile.

use std::sync::Arc;

use tempfile::TempDir;
use viva_core::SystemClock;
use viva_core::evaluation::Evaluation;
use viva_core::store::{Store, migrate};
use viva_llm::{Engine, Instructions, Local, Options, Sampling};
use viva_scoring::replay::{Replayed, replay};
use viva_scoring::{Rubric, Settings};

use crate::fixture::database;
use crate::sample::{engine, evaluate, judge, sample};

/// Through the database and back: what is replayed is what stands there.
async fn stored(evaluations: Vec<Evaluation>) -> Vec<Evaluation> {
    let folder = TempDir::new().unwrap();
    let (_, url) = database(&folder);
    migrate(&url).await.unwrap();
    let store = Store::connect(&url).await.unwrap();
    let unit = store.write().await.unwrap();
    let mut kept = Vec::with_capacity(evaluations.len());
    for (number, mut evaluation) in (1..).zip(evaluations) {
        evaluation.transcript_id = Some(number);
        unit.evaluations().record(&evaluation).await.unwrap();
        kept.push(unit.evaluations().get(&evaluation.evaluation_id).await.unwrap());
    }
    unit.commit().await.unwrap();
    assert_eq!(store.check_log(None).await.unwrap().faults, []);
    kept
}

/// All at once, the last first, so that each is decoded in other company than when it was made.
fn replayed(engine: &Arc<Local>, stored: &[Evaluation]) -> Vec<Replayed> {
    let again = |evaluation| {
        let engine: Arc<dyn Engine> = engine.clone();
        replay(engine, Rubric::builtin(), Arc::new(SystemClock), evaluation).unwrap()
    };
    std::thread::scope(|scope| {
        let again = &again;
        let running: Vec<_> = stored.iter().rev().map(|evaluation| scope.spawn(move || again(evaluation))).collect();
        let mut all: Vec<Replayed> = running.into_iter().map(|one| one.join().unwrap()).collect();
        all.reverse();
        all
    })
}

fn scored(engine: &Arc<Local>, language: &str, seed: u64, most: usize) -> Vec<Evaluation> {
    let mut sample = sample(language);
    sample.questions.truncate(most);
    let sampling = Sampling { temperature: 0.8, top_p: 0.95, seed };
    let evaluations = evaluate(&judge(engine.clone(), Settings { sampling, ..Settings::default() }), &sample);
    evaluations.into_iter().filter(|evaluation| evaluation.total.is_some()).collect()
}

#[tokio::test]
async fn stored_evaluations_come_out_as_the_same_bytes() {
    let engine = engine("gemma-3-270m");
    let kept = stored(scored(&engine, "ko", 1, 4)).await;
    assert!(kept.len() >= 3);
    for (evaluation, replayed) in kept.iter().zip(replayed(&engine, &kept)) {
        assert!(replayed.equal && replayed.same_class, "{evaluation:#?}\n{:#?}", replayed.again);
        assert!(evaluation.expected_total.is_some() && evaluation.confidence.is_some(), "a local engine tells its probabilities");
    }
}

#[tokio::test]
#[ignore = "400 evaluations: some minutes"]
async fn two_hundred_stored_evaluations_come_out_as_the_same_bytes() {
    let engine = engine("gemma-3-270m");
    let mut made = Vec::new();
    for seed in 1.. {
        for language in ["ko", "en"] {
            made.extend(scored(&engine, language, seed, 17));
        }
        if made.len() >= 200 {
            break;
        }
    }
    made.truncate(200);
    let kept = stored(made).await;
    let equal = replayed(&engine, &kept).iter().filter(|replayed| replayed.equal && replayed.same_class).count();
    println!("{equal} of {} byte-equal on {}", kept.len(), engine.info().numeric_class);
    assert_eq!(equal, kept.len());
}

#[tokio::test]
#[ignore = "the portable instructions are slow"]
async fn on_the_portable_instructions_a_replay_says_so() {
    let kept = stored(scored(&engine("gemma-3-270m"), "ko", 1, 5)).await;
    let path = viva_testkit::model("gemma-3-270m").model().to_owned();
    let portable = Arc::new(Local::open(Options { instructions: Instructions::Portable, ..Options::new(path) }).unwrap());
    for (evaluation, replayed) in kept.iter().zip(replayed(&portable, &kept)) {
        assert!(!replayed.same_class);
        let (made, here) = (&evaluation.provenance.model.numeric_class, &replayed.again.provenance.model.numeric_class);
        println!("made on {made}, here {here}: equal {}, total differs by {:?}", replayed.equal, replayed.difference(evaluation));
    }
}
