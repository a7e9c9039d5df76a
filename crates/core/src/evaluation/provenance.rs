//! What determined an evaluation, and who computed it when.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

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
    /// How often the model was asked; the score is the first reply's, the others tell how sure it is.
    #[serde(default = "once")]
    pub samples: u32,
}

fn once() -> u32 {
    1
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
    /// Which delivery of its task it was, from 1; 0 where there was no task.
    #[serde(default)]
    pub attempt: u32,
    /// When the computation began (wall clock, for people).
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: DateTime<Utc>,
}
