//! How sure a server's model was of its numbers, from the alternatives that it tells beside each token.
//!
//! A server tells probabilities before its grammar, for twenty tokens at most; those that could not stand in a number are left
//! out, and the rest is made to sum to one. A local engine tells the same of all allowed tokens.

use serde::Deserialize;
use viva_llm::{Chance, Number};

/// A token as a server tells it.
#[derive(Debug, Deserialize)]
pub(crate) struct Token {
    #[serde(rename = "token")]
    pub(crate) text: String,
    pub(crate) logprob: f32,
    #[serde(default)]
    pub(crate) top_logprobs: Vec<Alternative>,
}

/// What might have stood in its place.
#[derive(Debug, Deserialize)]
pub(crate) struct Alternative {
    token: String,
    logprob: f32,
}

#[derive(Debug, Default)]
pub(crate) struct Numbers {
    found: Vec<Number>,
    /// Bytes so far.
    length: usize,
    /// Digits that the text ends with.
    digits: usize,
    inside_string: bool,
    escaped: bool,
}

impl Numbers {
    /// Goes past `token`, and notes it if it is part of a number.
    pub(crate) fn take(&mut self, token: &Token) {
        let piece = token.text.trim_start();
        let ends = |text: &str| text.is_empty() || text.starts_with([',', '}', ']']);
        let fits = |text: &str| is_digits(text) || (self.digits > 0 && ends(text));
        if !self.inside_string && fits(piece) {
            let mut chances: Vec<Chance> = Vec::new();
            let own = (token.text.as_str(), token.logprob);
            for (text, logprob) in std::iter::once(own).chain(token.top_logprobs.iter().map(|other| (other.token.as_str(), other.logprob)))
            {
                let text = text.trim_start();
                if fits(text) && chances.iter().all(|known| known.text != text) {
                    chances.push(Chance { text: text.to_owned(), probability: logprob.exp() });
                }
            }
            let sum: f32 = chances.iter().map(|chance| chance.probability).sum();
            for chance in &mut chances {
                chance.probability /= sum.max(f32::MIN_POSITIVE);
            }
            let at = if self.digits > 0 { self.length - self.digits } else { self.length + token.text.len() - piece.len() };
            if self.found.last().is_none_or(|last| last.at != at) {
                self.found.push(Number { at, steps: Vec::new(), probability: 1.0 });
            }
            if let Some(number) = self.found.last_mut() {
                number.probability *= chances[0].probability;
                number.steps.push(chances);
            }
        }
        self.pass(&token.text);
    }

    fn pass(&mut self, text: &str) {
        self.length += text.len();
        for byte in text.bytes() {
            self.digits = if byte.is_ascii_digit() && !self.inside_string { self.digits + 1 } else { 0 };
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.inside_string,
                b'"' => self.inside_string = !self.inside_string,
                _ => {}
            }
        }
    }

    pub(crate) fn finish(self) -> Vec<Number> {
        self.found
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
