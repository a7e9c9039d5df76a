//! What a server is sent, and what becomes of what it says.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod answers;
mod order;
mod real;
mod stub;
mod trouble;

use viva_llm::{Message, Part, Request, Role};
use viva_llm_remote::Remote;

use stub::Stub;

fn connect(stub: &Stub, settings: &str) -> Remote {
    Remote::connect(stub.address(settings).parse().unwrap()).unwrap()
}

/// A rubric, then an answer.
fn ask(answer: &str) -> Request {
    let message = |role, part| Message { role, parts: vec![part] };
    let messages = vec![message(Role::System, Part::Trusted("Score.".to_owned())), message(Role::User, Part::Data(answer.to_owned()))];
    Request { messages, max_tokens: 50, ..Request::default() }
}
