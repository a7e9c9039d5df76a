//! One request, from prompt to answer.
//!
//! Knows its tokens, its grammar and its bounds; computes nothing itself. Tokens that the grammar forces are not computed
//! one by one: they wait and go through the model together with the next token that has to be chosen.

use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

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
use crate::time;
use crate::tokenizer::Tokenizer;

/// Tokens that closing an answer may take beyond its budget.
const CLOSING: usize = 1024;

/// What the caller of a request is told.
#[derive(Debug)]
pub(crate) enum Event {
    Text(String),
    Done(Result<Completion, Error>),
}

/// Whoever waits for an answer.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) cancel: Cancel,
    /// When the answer is of no use any more, and how long that was after the request.
    pub(crate) deadline: Option<(Instant, u64)>,
    pub(crate) arrived: Instant,
    pub(crate) events: Sender<Event>,
}

impl Caller {
    /// A caller who arrives now.
    pub(crate) fn new(request: &Request, cancel: Cancel, events: Sender<Event>) -> Self {
        let arrived = time::now();
        let after = |ms| Some((arrived.checked_add(Duration::from_millis(ms))?, ms));
        Self { cancel, deadline: request.deadline_ms.and_then(after), arrived, events }
    }
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
    pub(crate) caller: Caller,
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
    prompt: usize,
    budget: usize,
    /// The budget and what closing the answer may take beyond it.
    limit: usize,
    /// Tokens of the answer that the grammar decided.
    pub(crate) forced: usize,
    numbers: Numbers,
    text: Vec<u8>,
    /// Bytes of `text` that the caller was told.
    told: usize,
}

impl Sequence {
    /// A request whose prompt has the ids `prompt`, with room for at most `room` tokens of an answer.
    pub(crate) fn new(request: &Request, prompt: Vec<u32>, room: usize, guide: Option<Guide>, caller: Caller) -> Self {
        let closing = if guide.is_some() { CLOSING.min(room / 2) } else { 0 };
        let budget = request.max_tokens.min(room - closing);
        Self {
            priority: request.priority,
            caller,
            held: Held::default(),
            prompt: prompt.len(),
            tokens: prompt,
            cached: 0,
            overtaken: 0,
            preempted: 0,
            guide,
            sampler: Sampler::new(&request.sampling),
            budget,
            limit: budget + closing,
            forced: 0,
            numbers: Numbers::default(),
            text: Vec::new(),
            told: 0,
        }
    }

    /// Why it need not go on, if so.
    pub(crate) fn gone(&self, now: Instant) -> Option<Error> {
        if self.caller.cancel.is_cancelled() {
            return Some(Error::Cancelled);
        }
        let (deadline, ms) = self.caller.deadline?;
        (now >= deadline).then_some(Error::Deadline { ms })
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
    ///
    /// Beyond its budget an answer says only what its schema still demands: strings and lists end at once, and what they lack
    /// (a number, one of several words) the model still chooses. Nothing is made up.
    pub(crate) fn settle(&mut self, tokenizer: &Tokenizer) -> Result<Option<Finish>, Error> {
        loop {
            let Some(guide) = &mut self.guide else {
                return Ok((self.answered() >= self.budget).then_some(Finish::Length));
            };
            let forced = guide.forced()?;
            let complete = guide.is_complete();
            self.forced += forced.len();
            for token in forced {
                self.say(token, tokenizer);
            }
            let over = self.answered() >= self.budget;
            if complete {
                return Ok(Some(if over { Finish::Length } else { Finish::Stop }));
            }
            if self.answered() >= self.limit {
                return Ok(Some(Finish::Length));
            }
            if !over {
                return Ok(None);
            }
            let Some(token) = self.closing(tokenizer)? else { return Ok(None) };
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
        if !inside && self.text.last().is_some_and(|last| last.is_ascii_digit() || b"-.".contains(last)) {
            // Whether a number goes on is the model's to say: 8 is not a short form of 85.
            return Ok(None);
        }
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
        if self.caller.events.send(event).is_err() {
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
