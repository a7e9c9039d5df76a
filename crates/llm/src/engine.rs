//! The seam between whoever wants text and whatever produces it.
//!
//! Owns the request and its answer; knows no tokio, no database, no broker. A remote server implements
//! the same trait. Callers block: an engine may serve many callers at once from its own thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::{Error, Metrics};

/// Who speaks in a [`Message`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rules of the task.
    System,
    /// The task itself.
    User,
    /// What the model said before, or how its answer starts.
    Assistant,
}

/// A piece of a message. Special tokens are never made from either; the difference is who wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Text of ours: rubric, instructions, fences.
    Trusted(String),
    /// Text of somebody else (a candidate's answer). It is tokenised on its own, special tokens off,
    /// so it can neither open a role nor merge with the fence around it.
    Data(String),
}

/// One turn of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order.
    pub parts: Vec<Part>,
}

/// How the next token is chosen. Temperature 0 takes the likeliest and ignores the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// 0 is greedy; 1 samples the model's own distribution.
    pub temperature: f32,
    /// Smallest set of tokens whose probabilities reach this sum.
    pub top_p: f32,
    /// The same seed, request and numeric class give the same text.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.0, top_p: 1.0, seed: 0 }
    }
}

/// Who goes first where not all can run at once. Nobody waits forever: a request that later ones overtake too often moves up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Somebody is waiting for the words.
    Interactive,
    /// Scores and reports.
    #[default]
    Evaluation,
    /// Whatever can wait.
    Background,
}

/// What is asked of an engine.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The conversation. Put what requests share first: it is computed once.
    pub messages: Vec<Message>,
    /// Put to the model as it stands instead of `messages`: no template, and the text of a special token is that token. For
    /// trusted text only.
    #[serde(default)]
    pub raw: Option<String>,
    /// JSON schema that the answer follows, as compact JSON; `None` for free text.
    pub schema: Option<serde_json::Value>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Upper bound of produced tokens. An answer under a schema that meets it is closed: strings and lists end at once, and
    /// the model chooses only what the schema still demands, at most 1,024 tokens more. It says [`Finish::Length`].
    pub max_tokens: usize,
    /// Who goes first; it changes when an answer comes, never what it says.
    #[serde(default)]
    pub priority: Priority,
    /// Milliseconds from the call on after which the answer is of no use: the request then ends within a step, with
    /// [`Error::Deadline`], waiting or running. Parts of an answer are not kept.
    #[serde(default)]
    pub deadline_ms: Option<u64>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model, or the schema, was done.
    Stop,
    /// `max_tokens` or the context was full.
    Length,
}

/// How sure the model was of a number that a schema asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// Byte of the text where it begins.
    pub at: usize,
    /// For each of its tokens that the model chose: what was allowed there, with the probabilities among these. The last may
    /// be the choice to end the number.
    pub steps: Vec<Vec<Chance>>,
    /// Probability of the number as it stands: the product of what was chosen.
    pub probability: f32,
}

/// One allowed token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// Its text.
    pub text: String,
    /// Its probability among the allowed.
    pub probability: f32,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Completion {
    /// The text, without the prompt.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// Tokens of the prompt.
    pub tokens_in: usize,
    /// Those of them that were already computed for an earlier request.
    pub tokens_cached: usize,
    /// Tokens of the answer.
    pub tokens_out: usize,
    /// Those of them that the schema decided, so that nothing had to be sampled.
    pub tokens_forced: usize,
    /// Numbers under a schema, with what else they might have been; from the same pass.
    #[serde(default)]
    pub numbers: Vec<Number>,
    /// SHA-256 of the prompt's token ids (little-endian u32), hex.
    pub prompt_sha256: String,
}

/// What determines an engine's output, for the record of an evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// `general.name` of the file, or its stem.
    pub name: String,
    /// `llama`, `gemma3`, ...
    pub architecture: String,
    /// Weights, counted.
    pub parameters: u64,
    /// Bits and kind of most weights, as the file says: `Q4_K_M`, `Q4_1`.
    pub quantisation: String,
    /// SHA-256 of the model file, hex.
    pub sha256: String,
    /// Tokens that prompt and answer may have together.
    pub context_length: usize,
    /// SHA-256 of the chat template; `None` for a base model, which gets plain text.
    pub template_sha256: Option<String>,
    /// Engine name and version.
    pub engine: String,
    /// Results are reproducible inside one class: instruction path and device, such as `cpu-avx512`.
    pub numeric_class: String,
}

/// Tells a running request to stop. Clones share one flag.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the request to stop at its next step.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Something that answers requests.
pub trait Engine: Send + Sync {
    /// What is loaded.
    fn info(&self) -> &ModelInfo;

    /// Answers `request`, blocking. `on_text` sees the answer piece by piece as it is made. A cancelled request
    /// ends within one step with [`Error::Cancelled`].
    fn complete(&self, request: &Request, cancel: &Cancel, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error>;

    /// What it has done and is doing; none where it does not know.
    fn metrics(&self) -> Option<Metrics> {
        None
    }

    /// Tokens of `text`, special tokens off.
    fn count_tokens(&self, text: &str) -> Result<usize, Error>;

    /// How many steps it has made so far, for who watches whether it hangs. None where it cannot tell.
    fn steps(&self) -> Option<u64> {
        None
    }
}
