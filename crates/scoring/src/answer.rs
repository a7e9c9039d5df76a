//! What is evaluated: a question, the answer to it, and the name of the computation that scores it.

use serde_json::json;
use viva_core::Digest;
use viva_core::digest::sha256_hex;
use viva_core::evaluation::{ModelRecord, Note, RubricRef, SamplingRecord};
use viva_llm::ModelInfo;

use crate::Language;

/// Characters of an answer that are judged: ten minutes of speech. The rest is cut, and said to be cut.
pub const ANSWER_MAX: usize = 4_000;
/// Characters of a question that are shown to the model.
pub const QUESTION_MAX: usize = 1_000;

/// An answer to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The interview it belongs to, if any.
    pub interview_id: Option<i32>,
    /// The transcript row that holds it, if any.
    pub transcript_id: Option<i32>,
    /// The question's row, if any.
    pub question_id: Option<i32>,
    /// Stage of the interview; decides the area of the rubric.
    pub stage: String,
    /// The question as asked.
    pub question: String,
    /// The answer as recognised.
    pub text: String,
    /// Language of prompt and feedback.
    pub language: Language,
    /// How long the candidate spoke, where somebody knows; for the facts, not for the score.
    pub seconds: Option<f64>,
}

impl Answer {
    /// SHA-256 over question and answer, told apart.
    pub fn input_sha256(&self) -> String {
        sha256_hex(json!([self.question, self.text]).to_string().as_bytes())
    }

    /// The part that is judged, and a warning if it is not the whole.
    pub(crate) fn judged(&self) -> (&str, Option<Note>) {
        let judged = clip(&self.text, ANSWER_MAX);
        let note = (judged.len() < self.text.len()).then(|| {
            let detail = self.language.pick(
                format!("답변이 길어 처음 {ANSWER_MAX}자만 평가했습니다"),
                format!("the answer is long; only its first {ANSWER_MAX} characters were judged"),
            );
            Note::new("truncated", detail)
        });
        (judged, note)
    }

    /// The name of the computation: everything that determines the evaluation, hashed.
    pub(crate) fn computation(&self, rubric: &RubricRef, model: &ModelRecord, sampling: &SamplingRecord, prompt: &str) -> String {
        let template = model.template_sha256.as_deref().unwrap_or("none");
        let sampling = json!(sampling).to_string();
        let inputs = [
            ("question", self.question.as_str()),
            ("answer", &self.text),
            ("stage", &self.stage),
            ("language", self.language.code()),
            ("rubric", &rubric.sha256),
            ("model", &model.sha256),
            ("template", template),
            ("engine", &model.engine),
            ("sampling", &sampling),
            ("prompt", prompt),
        ];
        Digest::of_computation("evaluation", &inputs).into()
    }
}

/// At most `max` characters of `text`.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    text.char_indices().nth(max).map_or(text, |(at, _)| &text[..at])
}

/// The engine's own description as it is stored.
pub fn model_record(info: &ModelInfo) -> ModelRecord {
    ModelRecord {
        name: info.name.clone(),
        architecture: info.architecture.clone(),
        parameters: info.parameters,
        quantisation: info.quantisation.clone(),
        sha256: info.sha256.clone(),
        template_sha256: info.template_sha256.clone(),
        engine: info.engine.clone(),
        numeric_class: info.numeric_class.clone(),
    }
}
