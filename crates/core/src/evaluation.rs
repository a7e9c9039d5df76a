//! The record of one evaluated answer: what was found, where it stands in the answer, and everything that determined it.
//!
//! Owns the fields and their meaning. Promises that a record without a score cannot carry one: the constructors of
//! `viva-scoring` are the only writers, and [`Evaluation::inconsistency`] tells a reader what is wrong with one.
//! Does not score anything.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Version of the records in this module; raised when a field changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// A fresh id for a record.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Whether an answer has a score, and if not, why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every item has a score and the total is their sum.
    Scored,
    /// The answer holds too little to judge; no model was asked.
    InsufficientEvidence,
    /// The model failed or broke its rules; nothing is known about the answer.
    Failed,
}

impl Status {
    /// The name used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scored => "scored",
            Self::InsufficientEvidence => "insufficient_evidence",
            Self::Failed => "failed",
        }
    }
}

/// Why something has no score, or what a reader should know about one: a stable code and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable, lower case with underscores: `one_word`, `injection_suspected`, `model_failed`.
    pub code: String,
    /// What happened, in words.
    pub detail: String,
}

impl Note {
    /// A note from its code and its sentence.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self { code: code.to_owned(), detail: detail.into() }
    }
}

/// Which rubric was applied. The hash is over the file's bytes: the same version with other text is another rubric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RubricRef {
    /// The rubric's id, such as `backend-interview`.
    pub id: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the rubric file, hex.
    pub sha256: String,
}

/// A verbatim piece of the answer. `start..end` count characters (Unicode scalar values) of the answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The quoted text.
    pub quote: String,
    /// First character.
    pub start: usize,
    /// One past the last character.
    pub end: usize,
    /// Whether the quote was found at these offsets; unverified quotes are dropped, so it is always true in a stored record.
    pub verified: bool,
}

/// The score of one rubric item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The item's id in the rubric, such as `logical_structure`.
    pub name: String,
    /// The item's name for people, in the interview's language.
    pub title: String,
    /// Points, 0 to `max`.
    pub score: u32,
    /// Points that can be reached.
    pub max: u32,
    /// What the score rests on.
    pub evidence: Vec<Evidence>,
}

/// The model that was asked, as the engine describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Name in the model file.
    pub name: String,
    /// Architecture, such as `gemma3`.
    pub architecture: String,
    /// Weights, counted.
    pub parameters: u64,
    /// Bits and kind of most weights, such as `Q4_K_M`.
    pub quantisation: String,
    /// SHA-256 of the model file, hex.
    pub sha256: String,
    /// SHA-256 of the chat template; `None` for a base model.
    pub template_sha256: Option<String>,
    /// Engine name and version.
    pub engine: String,
    /// Instruction path and device inside which results are reproducible.
    pub numeric_class: String,
}

/// How tokens were chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SamplingRecord {
    /// 0 is greedy.
    pub temperature: f32,
    /// Nucleus bound.
    pub top_p: f32,
    /// Seed; it has no effect at temperature 0.
    pub seed: u64,
    /// Upper bound of produced tokens.
    pub max_tokens: usize,
}

/// What one call of a model cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub tokens_in: usize,
    /// Those already computed for an earlier request.
    pub tokens_cached: usize,
    /// Tokens produced.
    pub tokens_out: usize,
    /// Those that the schema decided.
    pub tokens_forced: usize,
    /// `stop` or `length`.
    pub finish_reason: String,
    /// SHA-256 of the prompt's token ids, hex.
    pub prompt_sha256: String,
}

/// Everything that determined a result, and who computed it when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// SHA-256 over all inputs; equal keys mean the same computation.
    pub computation: String,
    /// SHA-256 over question and answer.
    pub input_sha256: String,
    /// Version of the prompt, the triage rules and the evidence rules.
    pub prompt_version: String,
    /// The model of the computation.
    pub model: ModelRecord,
    /// How it chose tokens.
    pub sampling: SamplingRecord,
    /// What the call cost; `None` if the model was not asked or did not answer.
    pub usage: Option<Usage>,
    /// Who computed it.
    pub worker_id: String,
    /// When the computation began (wall clock, for people).
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
}

/// One evaluated answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Random, unique.
    pub evaluation_id: String,
    /// The interview, if the answer belongs to one.
    pub interview_id: Option<i32>,
    /// The transcript row that holds the answer.
    pub transcript_id: Option<i32>,
    /// The question's row.
    pub question_id: Option<i32>,
    /// The question, as asked.
    pub question: String,
    /// Stage of the interview, such as `skill_followup`.
    pub stage: String,
    /// Area of the rubric that the stage belongs to.
    pub area: String,
    /// Language of the interview: `ko` or `en`.
    pub language: String,
    /// The rubric applied.
    pub rubric: RubricRef,
    /// Whether there is a score.
    pub status: Status,
    /// Why there is none; `None` exactly when scored.
    pub reason: Option<Note>,
    /// The items' scores; empty unless scored.
    pub items: Vec<Item>,
    /// Sum of the items; `None` unless scored.
    pub total: Option<u32>,
    /// Points that the items add up to at most.
    pub max: u32,
    /// Band of the total, as the rubric names it; `None` unless scored.
    pub band: Option<String>,
    /// The model's short feedback; `None` unless scored.
    pub feedback: Option<String>,
    /// What a reader should know: suspected injection, dropped quotes, capped items, truncation.
    pub warnings: Vec<Note>,
    /// Everything that determined the result.
    pub provenance: Provenance,
}

impl Evaluation {
    /// What contradicts the rules of a record, if anything: a score where there can be none, a total that is not the
    /// sum, an item out of bounds.
    pub fn inconsistency(&self) -> Option<String> {
        let sum: u32 = self.items.iter().map(|item| item.score).sum();
        if self.status != Status::Scored {
            let empty = self.items.is_empty() && self.total.is_none() && self.band.is_none();
            return match (empty, &self.reason) {
                (false, _) => Some(format!("{} but carries a score", self.status.as_str())),
                (true, None) => Some(format!("{} without a reason", self.status.as_str())),
                (true, Some(_)) => None,
            };
        }
        if let Some(item) = self.items.iter().find(|item| item.score > item.max) {
            return Some(format!("item {} has {} of {}", item.name, item.score, item.max));
        }
        if self.items.is_empty() || self.total != Some(sum) {
            return Some(format!("total {:?} is not the sum of the items, {sum}", self.total));
        }
        self.reason.as_ref().map(|reason| format!("scored, yet with the reason {}", reason.code))
    }
}
