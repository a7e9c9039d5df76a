//! An answer as it arrives.

use serde::Deserialize;
use serde_json::Value;
use viva_llm::{Completion, Finish};

use crate::numbers::{Numbers, Token};
use crate::retry::Failure;

/// One event of a streamed answer. Servers send more than this, and leave out what they do not have.
#[derive(Debug, Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    error: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    logprobs: Option<Logprobs>,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Logprobs {
    content: Option<Vec<Token>>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    prompt_tokens: usize,
    #[serde(default)]
    completion_tokens: usize,
    prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Deserialize)]
struct Details {
    cached_tokens: Option<usize>,
}

#[derive(Debug, Default)]
pub(crate) struct Reply {
    text: String,
    numbers: Numbers,
    usage: Option<Usage>,
    /// Tokens whose probabilities came, for servers that do not count.
    counted: usize,
    finish: Option<String>,
    done: bool,
}

impl Reply {
    /// Takes the data of one event; `on_text` sees what it adds.
    pub(crate) fn take(&mut self, data: &str, on_text: &mut dyn FnMut(&str)) -> Result<(), Failure> {
        if data == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|e| Failure::permanent(format!("sends what is no chat completion ({e})")))?;
        if let Some(error) = chunk.error {
            let status = error.get("code").and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
            let said = error.get("message").and_then(Value::as_str).map_or_else(|| error.to_string(), str::to_owned);
            return Err(Failure::refused(status, &said, None));
        }
        self.usage = chunk.usage.or(self.usage.take());
        for choice in chunk.choices {
            if let Some(refusal) = choice.delta.refusal {
                return Err(Failure::permanent(format!("refuses: {refusal}")));
            }
            for token in choice.logprobs.and_then(|logprobs| logprobs.content).unwrap_or_default() {
                self.counted += 1;
                self.numbers.take(&token);
            }
            if let Some(text) = choice.delta.content.filter(|text| !text.is_empty()) {
                self.text.push_str(&text);
                on_text(&text);
            }
            self.finish = choice.finish_reason.or(self.finish.take());
        }
        Ok(())
    }

    /// Whether the server said that it was done.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// The whole of it, the connection having ended.
    pub(crate) fn finish(self, prompt_sha256: &str) -> Result<Completion, Failure> {
        let finish = match self.finish.as_deref() {
            Some("stop") => Finish::Stop,
            Some("length") => Finish::Length,
            Some(other) => return Err(Failure::permanent(format!("ended its answer for the reason {other:?}"))),
            None => return Err(Failure::transient("broke off in the middle of its answer")),
        };
        let cached = self.usage.as_ref().and_then(|usage| usage.prompt_tokens_details.as_ref()?.cached_tokens);
        Ok(Completion {
            finish,
            tokens_in: self.usage.as_ref().map_or(0, |usage| usage.prompt_tokens),
            tokens_cached: cached.unwrap_or(0),
            tokens_out: self.usage.as_ref().map_or(self.counted, |usage| usage.completion_tokens),
            tokens_forced: 0,
            numbers: self.numbers.finish(),
            prompt_sha256: prompt_sha256.to_owned(),
            text: self.text,
        })
    }
}
