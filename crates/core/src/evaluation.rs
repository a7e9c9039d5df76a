//! The record of one evaluated answer: what was found, where it stands in the answer, and everything that determined it.
//!
//! Owns the fields and their meaning. Promises that a record without a score cannot carry one: the constructors of
//! `viva-scoring` are the only writers, and [`Evaluation::inconsistency`] tells a reader what is wrong with one.
//! Does not score anything.

mod provenance;
mod review;
mod speech;

use chrono::DateTime;
use serde::{Deserialize, Serialize};

pub use provenance::{ModelRecord, Provenance, RubricRef, SamplingRecord, Usage};
pub use review::{Decision, Review};
pub use speech::SpeechFacts;

/// Version of the records in this module; raised when a field changes its meaning.
pub const SCHEMA_VERSION: u32 = 2;

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

/// Characters `start..end` of the answer as it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// First character.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// The score of one rubric item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// The points that the model might have given, weighed with their probabilities; `None` where the engine tells none.
    #[serde(default)]
    pub expected: Option<f64>,
    /// How likely the points were that it gave.
    #[serde(default)]
    pub probability: Option<f64>,
}

/// How sure one can be of a score, measured, not asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// 0 to 1.
    pub value: f64,
    /// `sample_agreement`: 1 less the mean distance between the totals of several replies, as a share of the maximum.
    /// `point_probability`: geometric mean of the probabilities of the points given.
    pub method: String,
    /// The totals of all replies, the first of which is the score; empty if the model was asked once.
    #[serde(default)]
    pub totals: Vec<u32>,
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
    /// The answer, as it was given: what offsets count in.
    #[serde(default)]
    pub answer: String,
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
    /// Sum of the items' expected points, one decimal; `None` unless every item has one.
    #[serde(default)]
    pub expected_total: Option<f64>,
    /// How sure one can be of the total.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// Points that the items add up to at most.
    pub max: u32,
    /// Band of the total, as the rubric names it; `None` unless scored.
    pub band: Option<String>,
    /// The model's short feedback; `None` unless scored.
    pub feedback: Option<String>,
    /// What a reader should know: suspected injection, dropped quotes, capped items, truncation.
    pub warnings: Vec<Note>,
    /// Passages that were kept from the model, since they seemed to talk to it.
    #[serde(default)]
    pub withheld: Vec<Passage>,
    /// How it was said; no part of any score.
    #[serde(default)]
    pub speech: SpeechFacts,
    /// Everything that determined the result.
    pub provenance: Provenance,
    /// The evaluation of the same answer that stood before this one.
    #[serde(default)]
    pub supersedes: Option<String>,
    /// What a person said about it. Stored beside the record, never in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub human_review: Option<Review>,
}

impl Evaluation {
    /// The total that counts: a person's where there is one, else the sum of the items.
    pub fn standing_total(&self) -> Option<u32> {
        self.human_review.as_ref().and_then(|review| review.total).or(self.total)
    }

    /// The result as bytes to compare: all of the record but its names, who computed it when, and what was computed already.
    /// The same computation on the same numeric class gives the same bytes.
    pub fn result_bytes(&self) -> Result<String, serde_json::Error> {
        let mut result = self.clone();
        result.evaluation_id.clear();
        (result.interview_id, result.transcript_id, result.question_id) = (None, None, None);
        (result.supersedes, result.human_review) = (None, None);
        let provenance = &mut result.provenance;
        provenance.worker_id.clear();
        provenance.attempt = 0;
        (provenance.started_at, provenance.finished_at) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH);
        if let Some(usage) = &mut provenance.usage {
            usage.tokens_cached = 0;
        }
        serde_json::to_string(&result)
    }

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
