//! One request, from prompt to answer.
//!
//! Knows its tokens, its grammar and its bounds; computes nothing itself. Tokens that the grammar forces are not computed
//! one by one: they wait and go through the model together with the next token that has to be chosen.

use std::sync::mpsc::Sender;

use sha2::{Digest, Sha256};
use toktrie::SimpleVob;

use super::numbers::Numbers;
use super::prefix::NodeId;
use crate::Error;
use crate::engine::{Cancel, Completion, Finish, Priority, Request};
use crate::grammar::Guide;
use crate::model::PageId;
use crate::sampler::Sampler;
use crate::template::hex;
use crate::tokenizer::Tokenizer;

/// Tokens that closing an answer may take beyond its budget.
const CLOSING: usize = 64;

/// What the caller of a request is told.
#[derive(Debug)]
pub(crate) enum Event {
    Text(String),
    Done(Result<Completion, Error>),
}

/// What a sequence holds of the cache.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Tokens whose keys are written.
    pub(crate) computed: usize,
    pub(crate) table: Vec<PageId>,
    /// The tree's node of the last whole page.
    pub(crate) node: Option<NodeId>,
}

pub(crate) struct Sequence {
    pub(crate) priority: Priority,
    pub(crate) cancel: Cancel,
    pub(crate) held: Held,
    /// Prompt and answer.
    pub(crate) tokens: Vec<u32>,
    /// Tokens that others had computed.
    pub(crate) cached: usize,
    /// Requests that came later and were admitted before it.
    pub(crate) overtaken: usize,
    pub(crate) preempted: usize,
    pub(crate) guide: Option<Guide>,
    pub(crate) sampler: Sampler,
    events: Sender<Event>,
    prompt: usize,
    budget: usize,
    forced: usize,
    numbers: Numbers,
    text: Vec<u8>,
    /// Bytes of `text` that the caller was told.
    told: usize,
}

impl Sequence {
    /// A request whose prompt has the ids `prompt`, with room for at most `room` tokens of an answer.
    pub(crate) fn new(
        request: &Request,
        prompt: Vec<u32>,
        room: usize,
        guide: Option<Guide>,
        cancel: Cancel,
        events: Sender<Event>,
    ) -> Self {
        Self {
            priority: request.priority,
            cancel,
            held: Held::default(),
            prompt: prompt.len(),
            tokens: prompt,
            cached: 0,
            overtaken: 0,
            preempted: 0,
            guide,
            sampler: Sampler::new(&request.sampling),
            events,
            budget: request.max_tokens.min(room),
            forced: 0,
            numbers: Numbers::default(),
            text: Vec::new(),
            told: 0,
        }
    }

    /// Tokens that the model has not seen yet.
    pub(crate) fn pending(&self) -> usize {
        self.tokens.len() - self.held.computed
    }

    /// Whether it is past its prompt.
    pub(crate) fn is_answering(&self) -> bool {
        self.held.computed >= self.prompt
    }

    /// Takes over what the grammar leaves no choice about. Says how the answer ended, or none if the model has to choose.
    pub(crate) fn settle(&mut self, tokenizer: &Tokenizer) -> Result<Option<Finish>, Error> {
        loop {
            if let Some(guide) = &mut self.guide {
                for token in guide.forced()? {
                    self.forced += 1;
                    self.say(token, tokenizer);
                }
            }
            let Some(guide) = &mut self.guide else {
                return Ok((self.answered() >= self.budget).then_some(Finish::Length));
            };
            let over = self.tokens.len() - self.prompt >= self.budget;
            if guide.is_complete() {
                return Ok(Some(if over { Finish::Length } else { Finish::Stop }));
            }
            if !over {
                return Ok(None);
            }
            if self.answered() >= self.budget + CLOSING {
                return Ok(Some(Finish::Length));
            }
            let Some(token) = self.closing(tokenizer)? else { return Ok(Some(Finish::Length)) };
            if let Some(end) = self.push(token, tokenizer)? {
                return Ok(Some(end));
            }
        }
    }

    /// Adds a chosen token. Says whether it ended the answer.
    pub(crate) fn push(&mut self, token: u32, tokenizer: &Tokenizer) -> Result<Option<Finish>, Error> {
        if tokenizer.ends_answer(token) {
            return Ok(Some(Finish::Stop));
        }
        if let Some(guide) = &mut self.guide {
            guide.consume(token)?;
        }
        self.say(token, tokenizer);
        Ok(None)
    }

    /// Notes what else a token might have been, if it is part of a number.
    pub(crate) fn weigh(&mut self, allowed: &[u32], logits: &[f32], chosen: usize, tokenizer: &Tokenizer) {
        self.numbers.weigh(&self.text, allowed, logits, chosen, tokenizer);
    }

    fn answered(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    fn say(&mut self, token: u32, tokenizer: &Tokenizer) {
        self.tokens.push(token);
        self.text.extend_from_slice(tokenizer.bytes(token));
    }

    /// The token that brings a too long answer nearest to its end without saying anything: the end of a string, list or object.
    fn closing(&mut self, tokenizer: &Tokenizer) -> Result<Option<u32>, Error> {
        let inside = is_inside_string(&self.text);
        let Some(guide) = &mut self.guide else { return Ok(None) };
        let mute = |id: &u32| {
            let bytes = tokenizer.bytes(*id);
            // Inside a string a bracket would be one more word of it.
            bytes.first().is_some_and(|first| !inside || *first == b'"') && bytes.iter().all(|b| b"\"]}:".contains(b))
        };
        let allowed: SimpleVob = guide.allowed()?;
        Ok(allowed.iter().filter(mute).max_by_key(|id| tokenizer.bytes(*id).len()))
    }

    /// Tells the caller what has been said since the last time, whole characters only.
    pub(crate) fn tell(&mut self) {
        // A character may take several tokens.
        let whole = match std::str::from_utf8(&self.text[self.told..]) {
            Ok(text) => text.len(),
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            Err(_) => self.text.len() - self.told,
        };
        if whole > 0 {
            let text = String::from_utf8_lossy(&self.text[self.told..self.told + whole]).into_owned();
            self.told += whole;
            self.send(Event::Text(text));
        }
    }

    /// Answers the caller.
    pub(crate) fn finish(&mut self, result: Result<Finish, Error>) {
        let completion = result.map(|finish| Completion {
            finish,
            tokens_in: self.prompt,
            tokens_cached: self.cached,
            tokens_out: self.answered(),
            tokens_forced: self.forced,
            numbers: self.numbers.take(),
            prompt_sha256: digest(&self.tokens[..self.prompt]),
            text: String::from_utf8_lossy(&self.text).into_owned(),
        });
        if completion.is_ok() {
            self.tell();
        }
        self.send(Event::Done(completion));
    }

    fn send(&self, event: Event) {
        if self.events.send(event).is_err() {
            tracing::debug!("nobody waits for this answer any more");
        }
    }
}

/// Whether JSON that is cut off after `text` ends within a string.
fn is_inside_string(text: &[u8]) -> bool {
    let mut inside = false;
    let mut escaped = false;
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = inside,
            b'"' => inside = !inside,
            _ => {}
        }
    }
    inside
}

fn digest(ids: &[u32]) -> String {
    let mut hash = Sha256::new();
    for id in ids {
        hash.update(id.to_le_bytes());
    }
    hex(&hash.finalize())
}
