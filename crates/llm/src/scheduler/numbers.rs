//! How sure the model was of its numbers.
//!
//! Where a schema allows digits and what may follow a number, and nothing else, the probabilities of the allowed tokens are
//! kept: they come out of the logits that chose. (G-Eval, Liu et al., 2023, weighs scores so.)

use crate::engine::{Chance, Number};
use crate::tokenizer::Tokenizer;

#[derive(Debug, Default)]
pub(super) struct Numbers(Vec<Number>);

impl Numbers {
    /// Notes the choice of `allowed[chosen]` behind `text`.
    pub(super) fn weigh(&mut self, text: &[u8], allowed: &[u32], logits: &[f32], chosen: usize, tokenizer: &Tokenizer) {
        let is_digit = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_digit);
        let ends = |bytes: &[u8]| bytes.first().is_some_and(|first| b",}]".contains(first));
        let pieces: Vec<&[u8]> = allowed.iter().map(|id| tokenizer.bytes(*id)).collect();
        let numeric = pieces.iter().all(|bytes| !bytes.is_empty() && (is_digit(bytes) || ends(bytes)));
        if !numeric || !pieces.iter().any(|bytes| is_digit(bytes)) {
            return;
        }
        let most = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
        // Vocabularies have digits twice, as a piece and as a byte: by text they are one.
        let mut chances: Vec<Chance> = Vec::with_capacity(pieces.len());
        for (bytes, logit) in pieces.iter().zip(logits) {
            let (text, probability) = (String::from_utf8_lossy(bytes), (logit - most).exp() / sum);
            match chances.iter_mut().find(|known| known.text == text) {
                Some(known) => known.probability += probability,
                None => chances.push(Chance { text: text.into_owned(), probability }),
            }
        }
        let text_of_chosen = String::from_utf8_lossy(pieces[chosen]);
        let probability = chances.iter().find(|known| known.text == text_of_chosen).map_or(0.0, |known| known.probability);
        let at = text.len() - text.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if self.0.last().is_none_or(|last| last.at != at) {
            self.0.push(Number { at, steps: Vec::new(), probability: 1.0 });
        }
        if let Some(number) = self.0.last_mut() {
            number.probability *= probability;
            number.steps.push(chances);
        }
    }

    pub(super) fn take(&mut self) -> Vec<Number> {
        std::mem::take(&mut self.0)
    }
}
