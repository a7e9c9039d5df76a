//! The sample interviews, judged by real models.

use std::sync::Arc;

use serde::Deserialize;
use viva_core::SystemClock;
use viva_core::evaluation::{Evaluation, Status};
use viva_llm::{Cancel, Local, Options, Sampling};
use viva_scoring::{Answer, Interview, Judge, Language, Rubric, Settings};

#[derive(Deserialize)]
pub struct Sample {
    pub language: Language,
    position: String,
    pub questions: Vec<Question>,
}

#[derive(Deserialize)]
pub struct Question {
    id: i32,
    pub stage: String,
    text: String,
    pub answer: String,
}

pub fn sample(language: &str) -> Sample {
    let path = format!("{}/../../samples/interview.{language}.yaml", env!("CARGO_MANIFEST_DIR"));
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn engine(model: &str) -> Arc<Local> {
    Arc::new(Local::open(Options::new(viva_testkit::model(model).model())).unwrap())
}

pub fn judge(engine: Arc<Local>, settings: Settings) -> Judge {
    Judge::new(engine, Rubric::builtin(), Arc::new(SystemClock), settings)
}

pub fn evaluate(judge: &Judge, sample: &Sample) -> Vec<Evaluation> {
    let answer = |question: &Question| Answer {
        interview_id: Some(1),
        transcript_id: None,
        question_id: Some(question.id),
        stage: question.stage.clone(),
        question: question.text.clone(),
        text: question.answer.clone(),
        language: sample.language,
        seconds: None,
    };
    let judge_one = &|question| judge.evaluate(&answer(question), &Cancel::default()).unwrap();
    // All at once, as a report asks.
    std::thread::scope(|scope| {
        let asked: Vec<_> = sample.questions.iter().map(|question| scope.spawn(move || judge_one(question))).collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

/// What holds for every evaluation of a sample, whatever the model said.
fn check(sample: &Sample, evaluations: &[Evaluation]) {
    assert_eq!(evaluations.len(), sample.questions.len());
    for (question, evaluation) in sample.questions.iter().zip(evaluations) {
        assert_eq!(evaluation.inconsistency(), None, "{evaluation:#?}");
        assert_ne!(evaluation.status, Status::Failed, "{evaluation:#?}");
        let characters: Vec<char> = question.answer.chars().collect();
        for evidence in evaluation.items.iter().flat_map(|item| &item.evidence) {
            assert_eq!(characters[evidence.start..evidence.end].iter().collect::<String>(), evidence.quote);
        }
        // The grammar offers what stands in the answer and nothing else.
        assert!(!evaluation.warnings.iter().any(|warning| warning.code == "quote_dropped"), "{evaluation:#?}");
    }
}

/// Of the first `asked` answers, `scored` must have a score and the others a reason.
fn all_answers_that_can_be_judged_are(model: &str, language: &str, asked: usize, scored: usize) {
    let (mut sample, judge) = (sample(language), judge(engine(model), Settings::default()));
    sample.questions.truncate(asked);
    let evaluations = evaluate(&judge, &sample);
    check(&sample, &evaluations);
    let Sample { language, position, .. } = sample;
    let mut report = judge.report(Interview { id: Some(1), language, position, evaluations }).unwrap();
    assert_eq!((report.counts.scored, report.counts.insufficient_evidence), (scored, asked - scored));
    judge.narrate(&mut report, &Cancel::default()).unwrap();
    assert_eq!(report.narrative.reason, None);
    assert_eq!(report.notices[0].code, "model_too_small");
}

/// Sampled warmly, so that no two runs say the same.
fn ten_runs_are_valid(model: &str, language: &str) {
    let (sample, engine) = (sample(language), engine(model));
    let mut scores = std::collections::HashSet::new();
    for seed in 1..=10 {
        let sampling = Sampling { temperature: 0.8, top_p: 0.95, seed };
        let evaluations = evaluate(&judge(engine.clone(), Settings { sampling, ..Settings::default() }), &sample);
        check(&sample, &evaluations);
        let totals: Vec<_> = evaluations.iter().map(|evaluation| evaluation.total).collect();
        println!("{model} seed {seed}: {totals:?}");
        scores.insert(totals);
    }
    assert!(scores.len() > 1, "ten seeds, one outcome: nothing was sampled");
}

#[test]
fn the_korean_sample_is_judged_whole_by_the_default_model() {
    all_answers_that_can_be_judged_are("gemma-3-270m", "ko", 17, 14);
}

#[test]
fn the_english_sample_is_judged_by_the_smallest_model() {
    // Up to the injection and the one word, which keeps the test short.
    all_answers_that_can_be_judged_are("smollm2-135m", "en", 10, 9);
}

#[test]
#[ignore = "170 evaluations: some minutes in a release build"]
fn ten_warm_runs_of_the_korean_sample_are_valid() {
    ten_runs_are_valid("gemma-3-270m", "ko");
}

#[test]
#[ignore = "170 evaluations: some minutes in a release build"]
fn ten_warm_runs_of_the_english_sample_are_valid() {
    ten_runs_are_valid("smollm2-135m", "en");
}
