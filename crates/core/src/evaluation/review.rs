//! What a person said about an evaluation. Both are kept; the person's word stands in the report.

use serde::{Deserialize, Serialize};

/// What a person decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The score stands.
    Confirmed,
    /// Another total stands in its place.
    Overridden,
}

impl Decision {
    /// The name used in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Overridden => "overridden",
        }
    }
}

/// A person's word on one evaluation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// Random, unique.
    pub review_id: String,
    /// What it is about.
    pub evaluation_id: String,
    /// Who says so.
    pub reviewer: String,
    /// What was decided.
    pub decision: Decision,
    /// The total that stands from now on; `None` exactly when confirmed.
    pub total: Option<u32>,
    /// Why.
    pub reason: String,
    /// When, by the database's clock, in milliseconds since 1970.
    pub at_ms: i64,
}
