//! What callers are promised, with the small real models.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod answers;
mod broken_files;
mod tokens;

use std::sync::{Arc, LazyLock};

use viva_llm::{Local, Message, Options, Part, Request, Role, Sampling};

/// The models are loaded once for the whole binary.
static SMOLLM2: LazyLock<Arc<Local>> = LazyLock::new(|| open("smollm2-135m"));
static GEMMA: LazyLock<Arc<Local>> = LazyLock::new(|| open("gemma-3-270m"));

fn open(name: &str) -> Arc<Local> {
    Arc::new(Local::open(Options::new(viva_testkit::model(name).model())).unwrap())
}

fn user(parts: Vec<Part>) -> Request {
    let messages = vec![Message { role: Role::User, parts }];
    Request { messages, schema: None, sampling: Sampling::default(), max_tokens: 200, ..Request::default() }
}

fn ask(text: &str) -> Request {
    user(vec![Part::Trusted(text.to_owned())])
}
