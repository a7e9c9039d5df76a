//! Scores of interview answers, and reports made of them.
//!
//! Owns the rubric, the prompt, the rules of evidence, and the arithmetic. Asks a model through [`viva_llm::Engine`];
//! knows no database and no queue. Promises: totals are sums of items, quotes stand at their offsets, and where there
//! is no score there is a reason. Start at [`Judge`].

pub mod answer;
mod asking;
mod error;
pub mod evaluate;
pub mod evidence;
mod expected;
pub mod fairness;
pub mod html;
pub mod injection;
mod labels;
mod language;
pub mod markdown;
pub mod narrative;
mod phrases;
pub mod platform;
pub mod prompt;
pub mod replay;
pub mod report;
pub mod rubric;
mod speech;
pub mod triage;
mod verdict;

pub use answer::Answer;
pub use error::Error;
pub use evaluate::{Judge, Settings};
pub use language::{Language, Localised};
pub use report::Interview;
pub use rubric::Rubric;
