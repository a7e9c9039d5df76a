//! Answers that hold too little to judge, found by rule before a model is asked.
//!
//! Promises to speak up only where it is certain: silence, one word, a refusal, a recogniser's noise. A bad or
//! off-topic answer is an answer, and goes to the model.

use std::collections::HashSet;

use viva_core::evaluation::Note;

use crate::Language;
use crate::phrases::{content_words, is_hallucination, is_refusal};

/// Longest text that is still one word; scripts without spaces are not cut up here.
const ONE_WORD_MAX: usize = 15;
/// From this many words on, a text that keeps repeating itself is a stuck recogniser.
const LOOP_MIN_WORDS: usize = 12;

/// Why the answer cannot be judged, or `None` when it is for the model to say.
pub fn insufficient(answer: &str, language: Language) -> Option<Note> {
    let (code, ko, en) = reason(answer)?;
    Some(Note::new(code, language.pick(ko, en)))
}

fn reason(answer: &str) -> Option<(&'static str, &'static str, &'static str)> {
    if answer.chars().all(|character| character.is_whitespace() || character.is_control()) {
        return Some(("empty", "답변이 비어 있습니다", "the answer is empty"));
    }
    if !answer.chars().any(char::is_alphanumeric) {
        return Some(("no_words", "글자가 없고 기호나 이모지뿐입니다", "there are no words, only symbols or emoji"));
    }
    if is_noise(answer) {
        return Some(("garbage", "음성 인식이 실패한 글로 보입니다", "this looks like failed speech recognition"));
    }
    let words = content_words(answer);
    if words.is_empty() {
        return Some(("only_fillers", "머뭇거리는 말뿐입니다", "there is nothing but hesitation"));
    }
    if is_refusal(&words) {
        return Some(("refusal", "답변을 하지 않겠다는 말뿐입니다", "the candidate declined to answer"));
    }
    if is_hallucination(&words) || is_loop(&words) {
        return Some((
            "garbage",
            "음성 인식기가 소음에서 만들어 낸 말로 보입니다",
            "this looks like text that a recogniser makes up from noise",
        ));
    }
    if words.len() == 1 && words[0].chars().count() <= ONE_WORD_MAX {
        return Some(("one_word", "한 단어뿐이어서 판단할 수 없습니다", "a single word is too little to judge"));
    }
    None
}

/// Broken bytes, or Korean letters that form no syllables.
fn is_noise(answer: &str) -> bool {
    let letters = answer.chars().filter(|character| !character.is_whitespace()).count();
    let broken = answer.chars().filter(|character| *character == '\u{fffd}').count();
    let lone = answer.chars().filter(|character| ('\u{3131}'..='\u{318e}').contains(character)).count();
    broken * 5 > letters || lone * 2 > letters
}

/// The same few words over and over.
fn is_loop(words: &[String]) -> bool {
    let different: HashSet<&String> = words.iter().collect();
    words.len() >= LOOP_MIN_WORDS && different.len() * 4 <= words.len()
}
