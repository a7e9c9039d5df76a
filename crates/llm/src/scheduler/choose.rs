//! The next token of every lane that is ready for one.

use rayon::prelude::*;
use toktrie::SimpleVob;

use super::Sequence;
use crate::Error;
use crate::model::{Input, Model};
use crate::tokenizer::Tokenizer;

/// Up to this many allowed tokens are scored by themselves; with more, the whole vocabulary is as cheap.
const FEW: usize = 128;

/// What a lane may choose from.
enum Allowed {
    /// Anything.
    All,
    /// A few tokens.
    Few(Vec<u32>),
    /// Many tokens.
    Many(SimpleVob),
    /// Nothing: the grammar gave up.
    Failed(Option<Error>),
}

/// A sequence that has seen all its tokens, and what it may choose from.
pub(super) struct Chooser<'a> {
    pub(super) sequence: &'a mut Sequence,
    allowed: Allowed,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(sequence: &'a mut Sequence) -> Self {
        Self { sequence, allowed: Allowed::All }
    }

    /// Asks the grammar. Runs beside the pass: it depends on nothing else.
    pub(super) fn ask(&mut self) {
        let Some(guide) = &mut self.sequence.guide else { return };
        self.allowed = match guide.allowed() {
            Ok(mask) if mask.num_set() <= FEW => Allowed::Few(mask.iter().collect()),
            Ok(mask) => Allowed::Many(mask),
            Err(error) => Allowed::Failed(Some(error)),
        };
    }

    fn needs_all(&self) -> bool {
        matches!(self.allowed, Allowed::All | Allowed::Many(_))
    }

    /// Its token, by all logits where it needs them.
    fn pick(&mut self, (model, tokenizer): (&Model, &Tokenizer), hidden: &Input, row: usize, logits: &mut [f32]) -> Result<u32, Error> {
        let sampler = &mut self.sequence.sampler;
        match &mut self.allowed {
            Allowed::Failed(error) => Err(error.take().unwrap_or(Error::Cancelled)),
            Allowed::Few(ids) if ids.len() == 1 => Ok(ids[0]),
            Allowed::Few(ids) => {
                let logits = model.logits_of(hidden, row, ids);
                let chosen = sampler.pick(&logits);
                self.sequence.weigh(ids, &logits, chosen, tokenizer);
                Ok(ids[chosen])
            }
            Allowed::Many(mask) => {
                // The vocabulary may be padded beyond what the grammar knows.
                let logits = &mut logits[..mask.len()];
                mask.iter_unset_entries(|id| logits[id] = f32::NEG_INFINITY);
                Ok(sampler.pick(logits) as u32)
            }
            Allowed::All => Ok(sampler.pick(logits) as u32),
        }
    }
}

/// One token for each chooser; row `i` of `hidden` is chooser `i`'s.
pub(super) fn choose(using: (&Model, &Tokenizer), hidden: &Input, choosers: &mut [Chooser<'_>]) -> Vec<Result<u32, Error>> {
    let model = using.0;
    let whole: Vec<usize> = (0..choosers.len()).filter(|i| choosers[*i].needs_all()).collect();
    let mut logits = if whole.is_empty() { Vec::new() } else { model.logits(&hidden.select(&whole)) };
    let mut rows = logits.chunks_exact_mut(model.vocabulary());
    let own: Vec<_> = choosers.iter().map(|chooser| if chooser.needs_all() { rows.next() } else { None }.unwrap_or_default()).collect();
    let lanes = choosers.par_iter_mut().with_max_len(1).zip(own).enumerate();
    lanes.map(|(row, (chooser, logits))| chooser.pick(using, hidden, row, logits)).collect()
}
