//! The record of a final report: what `report.json` holds.
//!
//! Owns the fields and their meaning. Promises that every number in it can be recomputed from `evaluations` and `areas`.
//! Does not compute them.

use serde::{Deserialize, Serialize};

use crate::evaluation::{Evaluation, ModelRecord, Note, RubricRef, Usage};

/// One area of the rubric in the report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AreaScore {
    /// The area's id in the rubric.
    pub id: String,
    /// Its name in the interview's language.
    pub title: String,
    /// Weight as the rubric states it; all areas sum to 1.
    pub weight: f64,
    /// Weight after areas without scores were taken out and the rest scaled to sum to 1; `None` for an area without scores.
    pub applied_weight: Option<f64>,
    /// Mean total of its scored answers, 0 to 100; `None` if it has none. Where the rubric has a rule for follow-up questions,
    /// the mean of the others and what the follow-ups add.
    pub score: Option<f64>,
    /// What the follow-ups added or took, if the rubric has a rule for them and any was scored.
    #[serde(default)]
    pub follow_up: Option<f64>,
    /// Band of the score.
    pub band: Option<String>,
    /// Answers that have a score.
    pub scored: usize,
    /// Answers that belong to the area.
    pub answers: usize,
}

/// How many answers ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All answers.
    pub answers: usize,
    /// With a score.
    pub scored: usize,
    /// With too little to judge.
    pub insufficient_evidence: usize,
    /// Not evaluated because something failed.
    pub failed: usize,
}

/// Whether the written part of the report exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NarrativeStatus {
    /// The model wrote it from the stored evaluations.
    Written,
    /// The model failed; there is none.
    Failed,
    /// Nobody has written it yet.
    NotWritten,
    /// There was nothing to write about: no answer has a score.
    NothingScored,
}

/// Strengths, improvements and summary, with what they rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrative {
    /// Whether it exists.
    pub status: NarrativeStatus,
    /// Why it does not.
    pub reason: Option<Note>,
    /// What the model's call cost.
    pub usage: Option<Usage>,
    /// Version of the prompt.
    pub prompt_version: String,
    /// SHA-256 over all that determined it; equal names mean the same text. `None` if nobody was asked.
    pub computation: Option<String>,
}

/// The final report of an interview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`crate::evaluation::SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The interview.
    pub interview_id: Option<i32>,
    /// `ko` or `en`.
    pub language: String,
    /// The position applied for.
    pub position: String,
    /// Weighted mean of the areas that have scores, 0 to 100, one decimal; `None` if none has.
    pub overall: Option<f64>,
    /// Band of `overall`.
    pub band: Option<String>,
    /// The rubric applied.
    pub rubric: RubricRef,
    /// Every area, with or without score.
    pub areas: Vec<AreaScore>,
    /// How many answers ended how.
    pub counts: Counts,
    /// Stages of the script without a scored answer.
    pub missing_stages: Vec<String>,
    /// Areas without a scored answer: they did not enter `overall`.
    pub missing_areas: Vec<String>,
    /// Said about the whole, such as a model too small to judge.
    pub notices: Vec<Note>,
    /// Written by the model from the evaluations; empty unless `narrative` is written.
    pub strengths: Vec<String>,
    /// The same, for what to work on.
    pub improvements: Vec<String>,
    /// The same, as a whole.
    pub summary: Option<String>,
    /// Where strengths, improvements and summary come from, or why they are missing.
    pub narrative: Narrative,
    /// The model that wrote them.
    pub model: ModelRecord,
    /// One per answer, in the order asked.
    pub evaluations: Vec<Evaluation>,
}
