use std::path::PathBuf;

/// What can go wrong between a model file and an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is missing, short, damaged, or not a GGUF file.
    #[error("{}: {what}; fetch it again with `viva models pull`", path.display())]
    BadModel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is fine, this engine just cannot run it.
    #[error("{}: {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Which feature is missing and what is supported.
        what: String,
    },
    /// Prompt and answer do not fit.
    #[error("the prompt has {tokens} tokens, which leaves no room for an answer in the model's {context}; shorten the text")]
    TooLong {
        /// Tokens of the prompt.
        tokens: usize,
        /// The model's limit.
        context: usize,
    },
    /// The model would not fit into memory.
    #[error("{}: needs {needed_mib} MiB of memory, of which {available_mib} MiB are available; use a smaller model or keep fewer tokens", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// Weights as they are held, keys and values.
        needed_mib: u64,
        /// What the system has left.
        available_mib: u64,
    },
    /// Too many requests at once.
    #[error("the engine is busy: {requests} requests run or wait already, and its bound is {bound}; try again later")]
    Busy {
        /// Requests in the engine.
        requests: usize,
        /// Most it takes.
        bound: usize,
    },
    /// The schema cannot be enforced, or the grammar gave up on it.
    #[error("output grammar: {0}")]
    Grammar(String),
    /// Somebody asked to stop.
    #[error("the request was cancelled")]
    Cancelled,
    /// The request's own deadline passed.
    #[error("the request was not answered within its {ms} ms")]
    Deadline {
        /// What it had.
        ms: u64,
    },
    /// A server that answers for an engine refused, failed or cannot be reached.
    #[error("{server}: {what}")]
    Remote {
        /// Its address, without secrets.
        server: String,
        /// What it said, or what became of the connection.
        what: String,
        /// Whether the same request may succeed later.
        transient: bool,
    },
    /// The engine's thread is gone.
    #[error("the engine has stopped: {0}")]
    Stopped(String),
    /// A tensor operation failed.
    #[error("inference failed")]
    Inference(#[from] candle_core::Error),
    /// The tokenizer refused.
    #[error("tokenizer: {0}")]
    Tokenizer(String),
}
