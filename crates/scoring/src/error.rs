use viva_core::{Classified, ErrorClass};

/// What stops a scoring job. A model that answers badly does not: that is an evaluation with status `failed`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The rubric file breaks a rule.
    #[error("rubric {origin}: {what}")]
    Rubric {
        /// The file, or the name of the built-in one.
        origin: String,
        /// Which rule, and where.
        what: String,
    },
    /// The rubric file cannot be read.
    #[error("cannot read rubric {path}")]
    RubricFile {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// No area of the rubric covers the stage.
    #[error("the rubric has no stage {stage:?}; it knows {known}")]
    UnknownStage {
        /// What was asked for.
        stage: String,
        /// What there is.
        known: String,
    },
    /// Neither Korean nor English.
    #[error("language {0:?} is not supported; use ko or en")]
    UnknownLanguage(String),
    /// A report was asked for without a single answer.
    #[error("the interview has no answers, so there is nothing to report")]
    NoAnswers,
    /// A replay with other inputs than those of the record.
    #[error("the record was made with another {what}: {of_record}, here {here}")]
    OtherInputs {
        /// Which.
        what: &'static str,
        /// The record's.
        of_record: String,
        /// What is at hand.
        here: String,
    },
    /// A server's results cannot be had again.
    #[error("the record was made by a remote server ({0}), whose results cannot be replayed")]
    Remote(String),
    /// A record that cannot be written as JSON.
    #[error("the record cannot be written")]
    Unwritable(#[source] serde_json::Error),
    /// Somebody asked to stop.
    #[error("scoring was cancelled")]
    Cancelled,
    /// The engine takes no more for now.
    #[error("the language model has too much to do")]
    EngineBusy(#[source] viva_llm::Error),
    /// The engine is gone: no answer after this one could be scored either.
    #[error("the language model has stopped")]
    EngineStopped(#[source] viva_llm::Error),
    /// The server that answers for the engine cannot, for now.
    #[error("the language model's server cannot answer now")]
    EngineAway(#[source] viva_llm::Error),
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Cancelled => ErrorClass::Cancelled,
            Self::EngineBusy(_) | Self::EngineStopped(_) | Self::EngineAway(_) => ErrorClass::Transient,
            _ => ErrorClass::Permanent,
        }
    }
}
