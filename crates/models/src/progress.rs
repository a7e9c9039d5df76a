//! What a pull tells whoever watches.

use crate::{Error, Files, Model, Source};

/// Something that shows how a pull gets on. Called from the task that pulls: it must not block.
pub trait Progress: Send + Sync {
    /// One thing that happened.
    fn event(&self, event: &Event<'_>);
}

/// What happens during a pull, in about this order.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Something of this model has to be fetched; its licence is to be shown now.
    Start {
        /// The model.
        model: &'a Model,
    },
    /// Another process is pulling the same model; this one waits for it.
    Waiting {
        /// The model.
        model: &'a Model,
    },
    /// A file that was there is broken and is fetched again.
    Broken {
        /// Which, and in what way.
        problem: &'a Error,
    },
    /// A source is asked.
    Asking {
        /// The source.
        source: &'a Source,
    },
    /// Bytes have come in.
    Bytes {
        /// So far, of all files still to fetch.
        done: u64,
        /// In all, where known.
        total: Option<u64>,
    },
    /// A source did not work; the next one is asked.
    Failed {
        /// The source.
        source: &'a Source,
        /// How it failed.
        error: &'a Error,
    },
    /// The model is in place.
    Done {
        /// The model.
        model: &'a Model,
        /// Its files.
        files: &'a Files,
    },
}

/// Shows nothing.
impl Progress for () {
    fn event(&self, _: &Event<'_>) {}
}
