//! From a conversation to token ids.
//!
//! The chat template of the model file decides where roles open and close. It is rendered around placeholders, never
//! around the texts themselves: only the template's own words may become special tokens (I10).

use std::collections::VecDeque;

use minijinja::{Environment, ErrorKind, context};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::engine::{Message, Part, Role};
use crate::gguf::Gguf;
use crate::tokenizer::Tokenizer;

/// Stands for one message's text while the template is rendered. Private use: no template says it.
const SLOT: char = '\u{F8F0}';

#[derive(Debug, Clone)]
pub(crate) struct Template {
    /// The Jinja source; none for a base model, which reads plain text.
    source: Option<String>,
}

impl Template {
    pub(crate) fn read(gguf: &Gguf) -> Self {
        Self { source: gguf.text("tokenizer.chat_template").map(str::to_owned) }
    }

    pub(crate) fn sha256(&self) -> Option<String> {
        self.source.as_ref().map(|source| hex(&Sha256::digest(source.as_bytes())))
    }

    /// Token ids of the conversation, ready for the model to go on as the assistant.
    pub(crate) fn encode(&self, messages: &[Message], tokenizer: &Tokenizer) -> Result<Vec<u32>, Error> {
        let mut ids: Vec<u32> = tokenizer.bos().into_iter().collect();
        let (frame, mut order) = self.frame(messages)?;
        for (i, words) in frame.split(SLOT).enumerate() {
            if i > 0 {
                let index = order.pop_front().ok_or_else(|| Error::Tokenizer("the chat template repeats a message".to_owned()))?;
                encode_parts(&messages[index].parts, tokenizer, &mut ids)?;
            }
            ids.extend(tokenizer.encode_template(words)?);
        }
        if !order.is_empty() {
            return Err(Error::Tokenizer("the chat template drops a message".to_owned()));
        }
        Ok(ids)
    }

    /// The words around the messages, a [`SLOT`] for each, and which message stands where.
    fn frame(&self, messages: &[Message]) -> Result<(String, VecDeque<usize>), Error> {
        let order = (0..messages.len()).collect();
        let Some(source) = &self.source else {
            return Ok((format!("{SLOT}\n\n").repeat(messages.len()), order));
        };
        let slot = SLOT.to_string();
        let turns: Vec<_> = messages.iter().map(|m| context! { role => name(m.role), content => &slot }).collect();
        let mut environment = Environment::new();
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |what: String| -> Result<String, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, what))
        });
        let values = context! { messages => turns, add_generation_prompt => true, bos_token => "", eos_token => "" };
        let words = environment.render_str(source, values).map_err(|e| Error::Tokenizer(format!("the chat template fails: {e}")))?;
        Ok((words, order))
    }
}

fn name(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Ours and theirs are tokenised apart, so that no token spans the border.
fn encode_parts(parts: &[Part], tokenizer: &Tokenizer, ids: &mut Vec<u32>) -> Result<(), Error> {
    for part in parts {
        ids.extend(match part {
            Part::Trusted(text) => tokenizer.encode(text)?,
            Part::Data(text) => tokenizer.encode_data(text)?,
        });
    }
    Ok(())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail; this is a bug");
        text
    })
}
