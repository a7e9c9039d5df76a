use std::collections::HashSet;

use serde::Deserialize;
use viva_scoring::{Language, Rubric, injection, triage};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    pub schema_version: u32,
    pub language: Language,
    pub position: String,
    pub candidate: String,
    pub questions: Vec<Question>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub id: i32,
    pub stage: String,
    pub text: String,
    pub quality: String,
    pub answer: String,
}

pub fn both() -> [Sample; 2] {
    [include_str!("../../../../samples/interview.ko.yaml"), include_str!("../../../../samples/interview.en.yaml")]
        .map(|yaml| serde_saphyr::from_str(yaml).unwrap())
}

#[test]
fn a_sample_asks_17_questions_and_covers_every_stage_of_the_rubric() {
    let rubric = Rubric::builtin();
    let known: HashSet<&str> = rubric.areas().iter().flat_map(|area| area.stages.iter().map(String::as_str)).collect();
    for sample in both() {
        assert_eq!((sample.schema_version, sample.questions.len()), (1, 17));
        assert!(!sample.position.is_empty() && !sample.candidate.is_empty());
        let stages: HashSet<&str> = sample.questions.iter().map(|question| question.stage.as_str()).collect();
        assert_eq!(stages, known);
        let ids: HashSet<i32> = sample.questions.iter().map(|question| question.id).collect();
        assert_eq!(ids.len(), 17);
        assert!(sample.questions.iter().all(|question| question.text.ends_with(['.', '?'])));
    }
}

#[test]
fn exactly_the_three_unscorable_answers_of_a_sample_are_stopped_by_rule() {
    for sample in both() {
        let stopped: Vec<(&str, String)> = sample
            .questions
            .iter()
            .filter_map(|question| Some((question.quality.as_str(), triage::insufficient(&question.answer, sample.language)?.code)))
            .collect();
        let expected = ["one_word", "refusal", "garbage"].map(|kind| (kind, kind.to_owned()));
        assert_eq!(stopped, expected);
    }
}

#[test]
fn only_the_injection_of_a_sample_is_flagged() {
    for sample in both() {
        for question in &sample.questions {
            let flagged = injection::suspicion(&question.answer, sample.language).is_some();
            assert_eq!(flagged, question.quality == "injection", "{}", question.answer);
        }
    }
}
