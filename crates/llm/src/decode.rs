//! One request, from prompt to answer.
//!
//! Tokens that the grammar forces are not computed one by one: they wait and go through the model together with the next
//! token that has to be chosen. What the previous request computed of the same prompt is kept.

use sha2::{Digest, Sha256};
use toktrie::SimpleVob;

use crate::Error;
use crate::config::Config;
use crate::engine::{Cancel, Completion, Finish, Request};
use crate::grammar::{Grammars, Guide};
use crate::model::{KvCache, Model, Run};
use crate::sampler::Sampler;
use crate::template::{Template, hex};
use crate::tokenizer::Tokenizer;

/// Prompt rows in one pass: enough for the matrix kernels, few enough that a cancelled request ends soon.
const CHUNK: usize = 128;
/// Up to this many allowed tokens are scored by themselves; with more, the whole vocabulary is as cheap.
const FEW: usize = 512;
/// Tokens that closing an answer may take beyond its budget.
const CLOSING: usize = 64;

/// A loaded model with the sequence that it last worked on.
pub(crate) struct Decoder {
    model: Model,
    tokenizer: Tokenizer,
    template: Template,
    grammars: Grammars,
    context: usize,
    cache: KvCache,
    /// Tokens that `cache` holds.
    held: Vec<u32>,
}

/// An answer in the making.
struct Answer<'a> {
    guide: Option<Guide>,
    sampler: Sampler,
    /// Tokens that the model has not seen yet.
    pending: Vec<u32>,
    tokens: Vec<u32>,
    forced: usize,
    text: Vec<u8>,
    /// Bytes of `text` that went to `on_text`.
    told: usize,
    on_text: &'a mut dyn FnMut(&str),
}

impl Decoder {
    pub(crate) fn new(model: Model, config: &Config, tokenizer: Tokenizer, template: Template) -> Result<Self, Error> {
        let grammars = Grammars::new(&tokenizer)?;
        let cache = model.new_cache()?;
        Ok(Self { model, tokenizer, template, grammars, context: config.context, cache, held: Vec::new() })
    }

    pub(crate) fn complete(&mut self, request: &Request, cancel: &Cancel, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        let prompt = self.template.encode(&request.messages, &self.tokenizer)?;
        if prompt.is_empty() || prompt.len() + 1 >= self.context {
            return Err(Error::TooLong { tokens: prompt.len(), context: self.context });
        }
        let guide = request.schema.as_ref().map(|schema| self.grammars.compile(schema)).transpose()?;
        let cached = self.resume(&prompt);
        let mut answer = Answer::new(guide, Sampler::new(&request.sampling), prompt[cached..].to_vec(), on_text);
        let budget = request.max_tokens.min(self.context - prompt.len() - 1);
        let finish = self.generate(&mut answer, budget, cancel)?;
        Ok(Completion {
            finish,
            tokens_in: prompt.len(),
            tokens_cached: cached,
            tokens_out: answer.tokens.len(),
            tokens_forced: answer.forced,
            prompt_sha256: digest(&prompt),
            text: String::from_utf8_lossy(&answer.text).into_owned(),
        })
    }

    /// Keeps what the cache shares with `prompt` and says how many tokens that is. The last token is always computed
    /// again: its logits start the answer.
    fn resume(&mut self, prompt: &[u32]) -> usize {
        let shared = self.held.iter().zip(prompt).take_while(|(a, b)| a == b).count().min(prompt.len() - 1);
        self.cache.truncate(shared);
        self.held.truncate(shared);
        shared
    }

    fn generate(&mut self, answer: &mut Answer<'_>, budget: usize, cancel: &Cancel) -> Result<Finish, Error> {
        loop {
            answer.take_forced(&self.tokenizer)?;
            if answer.guide.as_ref().is_some_and(Guide::is_complete) {
                return Ok(Finish::Stop);
            }
            let over = answer.tokens.len() >= budget;
            if over && (answer.guide.is_none() || answer.tokens.len() >= budget + CLOSING) {
                return Ok(Finish::Length);
            }
            let allowed = answer.guide.as_mut().map(Guide::allowed).transpose()?;
            let token = match &allowed {
                Some(mask) if over => match self.closing(mask, &answer.text) {
                    Some(token) => token,
                    None => return Ok(Finish::Length),
                },
                Some(mask) if mask.num_set() == 1 => mask.iter().next().unwrap_or_default(),
                mask => self.choose(answer, mask.as_ref(), cancel)?,
            };
            if self.tokenizer.ends_answer(token) {
                return Ok(Finish::Stop);
            }
            answer.push(token, &self.tokenizer)?;
            if over && answer.guide.as_ref().is_some_and(Guide::is_complete) {
                return Ok(Finish::Length);
            }
        }
    }

    /// The token that brings a too long answer nearest to its end without saying anything: the end of a string, list or object.
    fn closing(&self, mask: &SimpleVob, text: &[u8]) -> Option<u32> {
        let inside = is_inside_string(text);
        let mute = |id: &u32| {
            let bytes = self.tokenizer.bytes(*id);
            // Inside a string a bracket would be one more word of it.
            bytes.first().is_some_and(|first| !inside || *first == b'"') && bytes.iter().all(|b| b"\"]}:".contains(b))
        };
        mask.iter().filter(mute).max_by_key(|id| self.tokenizer.bytes(*id).len())
    }

    /// Shows the model what it has not seen and lets the sampler choose among what is allowed.
    fn choose(&mut self, answer: &mut Answer<'_>, allowed: Option<&SimpleVob>, cancel: &Cancel) -> Result<u32, Error> {
        let pending = std::mem::take(&mut answer.pending);
        let mut hidden = None;
        for tokens in pending.chunks(CHUNK) {
            if cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            hidden = Some(self.model.forward(&mut [Run { tokens, cache: &mut self.cache }])?);
            self.held.extend_from_slice(tokens);
        }
        let hidden = hidden.ok_or_else(|| Error::Stopped("a step had nothing to compute; this is a bug".to_owned()))?;
        match allowed {
            Some(mask) if mask.num_set() <= FEW => {
                let ids: Vec<u32> = mask.iter().collect();
                let logits = self.model.logits_of(&hidden, &ids)?.flatten_all()?.to_vec1::<f32>()?;
                Ok(ids[answer.sampler.pick(&logits)])
            }
            mask => {
                let mut logits = self.model.logits(&hidden)?.flatten_all()?.to_vec1::<f32>()?;
                if let Some(mask) = mask {
                    // The vocabulary may be padded beyond what the grammar knows.
                    logits.truncate(mask.len());
                    mask.iter_unset_entries(|id| logits[id] = f32::NEG_INFINITY);
                }
                Ok(answer.sampler.pick(&logits) as u32)
            }
        }
    }
}

impl<'a> Answer<'a> {
    fn new(guide: Option<Guide>, sampler: Sampler, pending: Vec<u32>, on_text: &'a mut dyn FnMut(&str)) -> Self {
        Self { guide, sampler, pending, tokens: Vec::new(), forced: 0, text: Vec::new(), told: 0, on_text }
    }

    /// Takes over what the grammar leaves no choice about.
    fn take_forced(&mut self, tokenizer: &Tokenizer) -> Result<(), Error> {
        let Some(guide) = &mut self.guide else { return Ok(()) };
        for token in guide.forced()? {
            self.forced += 1;
            self.say(token, tokenizer);
        }
        Ok(())
    }

    fn push(&mut self, token: u32, tokenizer: &Tokenizer) -> Result<(), Error> {
        if let Some(guide) = &mut self.guide {
            guide.consume(token)?;
        }
        self.say(token, tokenizer);
        Ok(())
    }

    fn say(&mut self, token: u32, tokenizer: &Tokenizer) {
        self.tokens.push(token);
        self.pending.push(token);
        self.text.extend_from_slice(tokenizer.bytes(token));
        // A character may take several tokens: tell whole ones only.
        let whole = match std::str::from_utf8(&self.text[self.told..]) {
            Ok(text) => text.len(),
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            Err(_) => self.text.len() - self.told,
        };
        if whole > 0 {
            (self.on_text)(&String::from_utf8_lossy(&self.text[self.told..self.told + whole]));
            self.told += whole;
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
