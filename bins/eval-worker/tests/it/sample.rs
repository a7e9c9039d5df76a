//! The sample interviews, judged by real models.

use std::sync::Arc;

use serde::Deserialize;
use viva_core::SystemClock;
use viva_core::evaluation::{Evaluation, Status};
use viva_llm::{Cancel, Local, Options};
use viva_scoring::{Answer, Interview, Judge, Language, Rubric, Settings};

#[derive(Deserialize)]
struct Sample {
    language: Language,
    position: String,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    id: i32,
    stage: String,
    text: String,
    answer: String,
}

fn sample(language: &str) -> Sample {
    let path = format!("{}/../../samples/interview.{language}.yaml", env!("CARGO_MANIFEST_DIR"));
    serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn judge(model: &str) -> Judge {
    let engine = Local::open(Options::new(viva_testkit::model(model).model())).unwrap();
    Judge::new(Arc::new(engine), Rubric::builtin(), Arc::new(SystemClock), Settings::default())
}

fn evaluate(judge: &Judge, sample: &Sample) -> Vec<Evaluation> {
    let answer = |question: &Question| Answer {
        interview_id: Some(1),
        transcript_id: None,
        question_id: Some(question.id),
        stage: question.stage.clone(),
        question: question.text.clone(),
        text: question.answer.clone(),
        language: sample.language,
    };
    sample.questions.iter().map(|question| judge.evaluate(&answer(question), &Cancel::default()).unwrap()).collect()
}

/// Of the first `asked` answers, `scored` must have a score and the others a reason.
fn all_answers_that_can_be_judged_are(model: &str, language: &str, asked: usize, scored: usize) {
    let (mut sample, judge) = (sample(language), judge(model));
    sample.questions.truncate(asked);
    let evaluations = evaluate(&judge, &sample);
    for (question, evaluation) in sample.questions.iter().zip(&evaluations) {
        assert_eq!(evaluation.inconsistency(), None, "{evaluation:#?}");
        assert_ne!(evaluation.status, Status::Failed, "{evaluation:#?}");
        let characters: Vec<char> = question.answer.chars().collect();
        for evidence in evaluation.items.iter().flat_map(|item| &item.evidence) {
            assert_eq!(characters[evidence.start..evidence.end].iter().collect::<String>(), evidence.quote);
        }
        // The grammar offers what stands in the answer and nothing else.
        assert!(!evaluation.warnings.iter().any(|warning| warning.code == "quote_dropped"), "{evaluation:#?}");
    }
    let Sample { language, position, .. } = sample;
    let mut report = judge.report(Interview { id: Some(1), language, position, evaluations }).unwrap();
    assert_eq!((report.counts.scored, report.counts.insufficient_evidence), (scored, asked - scored));
    judge.narrate(&mut report, &Cancel::default()).unwrap();
    assert_eq!(report.narrative.reason, None);
    assert_eq!(report.notices[0].code, "model_too_small");
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
