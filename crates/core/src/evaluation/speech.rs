//! Facts about how something was said. Information for people: no score looks at them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What can be counted in a transcript.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SpeechFacts {
    /// Letters and digits.
    pub characters: usize,
    /// Words between spaces.
    pub words: usize,
    /// Hesitations, each with how often it was heard.
    pub fillers: BTreeMap<String, usize>,
    /// How long the answer took, where somebody knows.
    pub seconds: Option<f64>,
    /// Letters and digits a second, where somebody knows how long the answer took.
    pub characters_per_second: Option<f64>,
}
