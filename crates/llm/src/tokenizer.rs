//! Text to token ids and back, from the vocabulary that the model file carries.
//!
//! The merging itself is shimmytok's (it follows llama.cpp; the tests compare 500 strings). Owned here: the bytes of
//! each token, which tokens end an answer, and the promise that [`Tokenizer::encode_data`] never yields a special token.

use std::sync::Arc;

use shimmytok::{EncodeOptions, TokenType};
use toktrie::{TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use crate::Error;
use crate::gguf::Gguf;

/// Pieces that end a turn in the families' chat formats, as llama.cpp collects them.
const END_OF_TURN: &[&str] = &["<|im_end|>", "<|eot_id|>", "<end_of_turn>", "[|endofturn|]", "<|endoftext|>", "<|end|>", "</s>", "<eos>"];

/// A vocabulary with its rules. Clones share it.
#[derive(Clone)]
pub struct Tokenizer(Arc<Inner>);

struct Inner {
    merges: shimmytok::Tokenizer,
    trie: TokTrie,
    bos: Option<u32>,
    ends: Vec<u32>,
    /// Pieces that stand for themselves wherever they occur, whatever merging would do; the longest first.
    fixed: Vec<(String, u32)>,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").field("vocabulary", &self.0.trie.vocab_size()).field("ends", &self.0.ends).finish_non_exhaustive()
    }
}

impl Tokenizer {
    pub(crate) fn read(gguf: &Gguf) -> Result<Self, Error> {
        // Before the vocabulary is read: that takes the ids of its ends for granted.
        let tokens = gguf.length("tokenizer.ggml.tokens").unwrap_or(0);
        for (what, key, usual) in [("beginning", "tokenizer.ggml.bos_token_id", 1), ("end", "tokenizer.ggml.eos_token_id", 2)] {
            let id = gguf.number(key).unwrap_or(usual);
            if id >= tokens {
                return Err(gguf.bad(format!("says that token {id} is the {what} of a text, but has only {tokens} tokens")));
            }
        }
        let merges = shimmytok::Tokenizer::from_gguf_file(gguf.path()).map_err(|e| gguf.bad(format!("has no usable tokenizer ({e})")))?;
        let count = merges.vocab_size() as u32;
        let byte_level = merges.model_type() == "gpt2";
        let bytes: Vec<Vec<u8>> = (0..count).map(|id| token_bytes(&merges, id, byte_level)).collect();
        let eos = merges.eos_token();
        let mut ends: Vec<u32> =
            END_OF_TURN.iter().filter_map(|piece| merges.get_token(piece)).filter(|id| merges.is_special_token(*id)).collect();
        ends.push(eos);
        ends.sort_unstable();
        ends.dedup();
        if gguf.shape("token_embd.weight").is_some_and(|shape| shape.first().is_none_or(|rows| *rows < count as usize)) {
            return Err(gguf.bad(format!("has {count} tokens, but fewer rows in its table of embeddings")));
        }
        let trie = TokTrie::from(&TokRxInfo::new(count, eos), &bytes);
        let bos = gguf.boolean("tokenizer.ggml.add_bos_token").unwrap_or(!byte_level).then(|| merges.bos_token());
        let fixed = fixed_pieces(&merges);
        Ok(Self(Arc::new(Inner { merges, trie, bos, ends, fixed })))
    }

    /// The token that opens a prompt, where the model wants one.
    pub(crate) fn bos(&self) -> Option<u32> {
        self.0.bos
    }

    /// Pieces of the vocabulary.
    pub(crate) fn len(&self) -> usize {
        self.0.trie.vocab_size()
    }

    pub(crate) fn ends_answer(&self, id: u32) -> bool {
        self.0.ends.contains(&id)
    }

    /// Ids of `text`, in which the text of a special token stands for that token: for chat templates only.
    pub fn encode_template(&self, text: &str) -> Result<Vec<u32>, Error> {
        let options = EncodeOptions::with_parse_special(false, true);
        if text.is_empty() {
            Ok(Vec::new())
        } else {
            self.0.merges.encode_with_options(text, &options).map_err(|e| Error::Tokenizer(e.to_string()))
        }
    }

    /// Ids of `text` as llama.cpp makes them when it does not parse special tokens.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, Error> {
        self.encode_around(text, |_| true)
    }

    /// Ids of `text`, none of them special, whatever the text says.
    pub fn encode_data(&self, text: &str) -> Result<Vec<u32>, Error> {
        let ids = self.encode_around(text, |id| !self.is_special(id))?;
        if !ids.iter().any(|id| self.is_special(*id)) {
            return Ok(ids);
        }
        // Merging can in principle arrive at a special token's own text. Cut apart, it cannot.
        let mut apart = Vec::with_capacity(text.len());
        for character in text.chars() {
            let piece = self.0.merge(character.encode_utf8(&mut [0; 4]))?;
            apart.extend(piece.into_iter().filter(|id| !self.is_special(*id)));
        }
        Ok(apart)
    }

    /// Merges what stands between fixed pieces, of which only those that `takes` likes are looked for.
    fn encode_around(&self, text: &str, takes: impl Fn(u32) -> bool) -> Result<Vec<u32>, Error> {
        let mut parts = vec![Part::Text(text)];
        for (piece, id) in self.0.fixed.iter().filter(|(piece, id)| takes(*id) && text.contains(piece.as_str())) {
            parts = parts.into_iter().flat_map(|part| part.split(piece, *id)).collect();
        }
        let mut ids = Vec::new();
        for part in parts {
            match part {
                Part::Fixed(id) => ids.push(id),
                Part::Text(text) => ids.extend(self.0.merge(text)?),
            }
        }
        Ok(ids)
    }

    /// Whether `id` can steer the model. Vocabularies also list plain text as user-defined (Gemma: runs of spaces and
    /// line breaks); what stands in brackets may be a role of some chat format, and counts.
    pub fn is_special(&self, id: u32) -> bool {
        let bracketed = || self.0.merges.token_to_piece(id).is_ok_and(|piece| piece.starts_with(['<', '[']));
        match self.0.merges.token_type(id) {
            TokenType::Control | TokenType::Unknown => true,
            TokenType::UserDefined => bracketed(),
            _ => false,
        }
    }

    /// The bytes that `id` adds to a text; nothing for a special token.
    pub fn bytes(&self, id: u32) -> &[u8] {
        let bytes = if (id as usize) < self.0.trie.vocab_size() { self.0.trie.token(id) } else { &[] };
        if bytes.first() == Some(&TokTrie::SPECIAL_TOKEN_MARKER) { &[] } else { bytes }
    }

    pub(crate) fn environment(&self) -> TokEnv {
        self.0.clone()
    }
}

/// A stretch of text on its way to ids.
enum Part<'a> {
    Text(&'a str),
    Fixed(u32),
}

impl Part<'_> {
    fn split(self, piece: &str, id: u32) -> Vec<Self> {
        let Part::Text(text) = self else { return vec![self] };
        let mut parts = Vec::new();
        for (index, between) in text.split(piece).enumerate() {
            if index > 0 {
                parts.push(Part::Fixed(id));
            }
            if !between.is_empty() {
                parts.push(Part::Text(between));
            }
        }
        parts
    }
}

impl Inner {
    /// Ids of `text` by merging alone, no special token looked for.
    fn merge(&self, text: &str) -> Result<Vec<u32>, Error> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        let options = EncodeOptions::with_parse_special(false, false);
        self.merges.encode_with_options(text, &options).map_err(|e| Error::Tokenizer(e.to_string()))
    }
}

impl TokenizerEnv for Inner {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, s: &[u8]) -> Vec<TokenId> {
        let canonical = std::str::from_utf8(s).ok().and_then(|text| self.merge(text).ok());
        canonical.unwrap_or_else(|| self.trie.greedy_tokenize(s))
    }
}

fn fixed_pieces(merges: &shimmytok::Tokenizer) -> Vec<(String, u32)> {
    let ids = 0..merges.vocab_size() as u32;
    let user_defined = ids.filter(|id| merges.token_type(*id) == TokenType::UserDefined);
    let mut fixed: Vec<(String, u32)> = user_defined.filter_map(|id| Some((merges.token_to_piece(id).ok()?, id))).collect();
    fixed.retain(|(piece, _)| !piece.is_empty());
    fixed.sort_by_key(|(piece, _)| std::cmp::Reverse(piece.len()));
    fixed
}

/// The bytes of a token; a special one is marked so that no text can match it.
fn token_bytes(merges: &shimmytok::Tokenizer, id: u32, byte_level: bool) -> Vec<u8> {
    let piece = merges.token_to_piece(id).unwrap_or_default();
    match merges.token_type(id) {
        TokenType::Control | TokenType::Unknown | TokenType::Undefined | TokenType::Unused => marked(&piece),
        TokenType::Byte => byte_of(&piece).map_or_else(|| marked(&piece), |b| vec![b]),
        TokenType::UserDefined if !byte_level => piece.replace('▁', " ").into_bytes(),
        TokenType::UserDefined => piece.into_bytes(),
        TokenType::Normal if byte_level => piece.chars().filter_map(byte_level_byte).collect(),
        TokenType::Normal => piece.replace('▁', " ").into_bytes(),
    }
}

fn marked(piece: &str) -> Vec<u8> {
    let mut bytes = vec![TokTrie::SPECIAL_TOKEN_MARKER];
    bytes.extend_from_slice(piece.as_bytes());
    bytes
}

/// `<0x0A>` is the byte 10.
fn byte_of(piece: &str) -> Option<u8> {
    u8::from_str_radix(piece.strip_prefix("<0x")?.strip_suffix('>')?, 16).ok()
}

/// GPT-2 writes each byte as a printable character: those that are printable as themselves, the other 68 from U+0100 on.
fn byte_level_byte(character: char) -> Option<u8> {
    let printable = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    match u32::from(character) {
        code @ 0..=0xFF => u8::try_from(code).ok(),
        code => (0..=255u8).filter(|b| !printable(*b)).nth((code - 0x100) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_level_characters_stand_for_their_bytes() {
        // GPT-2's table: space is Ġ, line feed is Ċ, and printable ASCII is itself.
        assert_eq!(['Ġ', 'Ċ', 'a', '~'].map(byte_level_byte), [Some(b' '), Some(b'\n'), Some(b'a'), Some(b'~')]);
        assert_eq!(byte_of("<0xEA>"), Some(0xEA));
    }
}
