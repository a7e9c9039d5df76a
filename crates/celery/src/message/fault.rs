use crate::Exception;

/// Why a message is no task that can be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A header that a task cannot be without.
    #[error("the header {0:?} is missing; is this a Celery task message?")]
    Missing(&'static str),
    /// A header of the wrong type.
    #[error("the header {header:?} must be {expected}, not {found}")]
    Header {
        /// Its name.
        header: &'static str,
        /// What belongs there.
        expected: &'static str,
        /// What is there, cut short.
        found: String,
    },
    /// The body is not text.
    #[error("the body is not UTF-8: {0}")]
    Encoding(String),
    /// The body is no JSON.
    #[error("the body is not JSON: {0}")]
    Json(String),
    /// The body has another shape than `[args, kwargs, embed]`.
    #[error("{place} must be {expected}, not {found}")]
    Body {
        /// Which part of it.
        place: String,
        /// What belongs there.
        expected: &'static str,
        /// What is there, cut short.
        found: String,
    },
    /// Larger than this worker reads.
    #[error("the body has {bytes} bytes; at most {max_bytes} are read")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max_bytes: usize,
    },
    /// The old protocol.
    #[error("this is task protocol 1, this worker speaks protocol 2; set task_protocol = 2 where it is sent")]
    Protocol1,
    /// Another serializer or compression.
    #[error("the body is {0}, this worker reads application/json in UTF-8 only; set task_serializer = 'json' where it is sent")]
    Serializer(String),
    /// A part of a chord.
    #[error("chords are not supported by this worker; use a chain, or let a Python worker run the tasks of the chord")]
    Chord,
}

impl Fault {
    /// Whether nothing can be done with it, as against a request that is understood and refused.
    pub fn is_poison(&self) -> bool {
        !matches!(self, Self::Protocol1 | Self::Serializer(_) | Self::Chord)
    }

    /// As the producer gets to see it.
    pub fn to_exception(&self) -> Exception {
        let (kind, module) = match self {
            Self::Chord => ("NotImplementedError", "builtins"),
            Self::Serializer(_) => ("ContentDisallowed", "kombu.exceptions"),
            _ => ("InvalidTaskError", "celery.exceptions"),
        };
        Exception::new(kind, self.to_string()).in_module(module)
    }
}
