//! Finds the passages of an answer that talk to the model instead of the interviewer.
//!
//! A flag is a warning beside the score, for people. What was flagged is not shown to the model, nor can it be quoted; the
//! rest of the answer is judged. No flag is no proof of innocence: what keeps such text from acting is that it is data,
//! tokenised with special tokens off, and fenced.

mod words;

use viva_core::evaluation::{Note, Passage};

use crate::{Language, evidence};
use words::{CLAIMS, DEMANDS, MARKS, OBJECTS, PLEAS, POINTS, REQUESTS, REVOKED, ROLES};

/// Letters and digits in a row, without a space, from which a word is taken for encoded text.
const ENCODED_MIN: usize = 24;
/// Characters that stand in place of the passages that are kept from the model.
pub const WITHHELD: &str = "[…]";

/// What is aimed at the model in an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suspicion {
    /// What was recognised, each once.
    pub signs: Vec<String>,
    /// Where: segments of the answer, in order.
    pub passages: Vec<Passage>,
}

/// What the answer contains that addresses the model, as a warning.
pub fn suspicion(answer: &str, language: Language) -> Option<Note> {
    note(&find(answer), language)
}

pub(crate) fn note(found: &Suspicion, language: Language) -> Option<Note> {
    if found.signs.is_empty() {
        return None;
    }
    let (signs, passages) = (found.signs.join(", "), found.passages.len());
    let detail = language.pick(
        format!("답변에 평가 모델을 향한 말이 들어 있습니다: {signs}. 그 대목({passages}곳)은 모델에 보여 주지 않았습니다"),
        format!("the answer contains text aimed at the model: {signs}. Those passages ({passages}) were not shown to it"),
    );
    Some(Note::new("injection_suspected", detail))
}

/// Looks at each segment of the answer, and at each with the next one: recognisers cut sentences anywhere.
pub fn find(answer: &str) -> Suspicion {
    let segments = evidence::segments(answer);
    let mut flagged = vec![false; segments.len()];
    let mut found = Suspicion::default();
    let mut add = |signs: Vec<String>| {
        for sign in signs {
            if !found.signs.contains(&sign) {
                found.signs.push(sign);
            }
        }
    };
    for (index, segment) in segments.iter().enumerate() {
        let own = signs(segment);
        flagged[index] |= !own.is_empty();
        add(own);
    }
    for (index, pair) in segments.windows(2).enumerate() {
        if flagged[index] || flagged[index + 1] {
            continue;
        }
        let both = signs(&format!("{} {}", pair[0], pair[1]));
        if !both.is_empty() {
            flagged[index] = true;
            flagged[index + 1] = true;
            add(both);
        }
    }
    // Marks without a letter lie in no segment.
    add(MARKS.iter().filter(|mark| lower(answer).contains(**mark)).map(|mark| (*mark).to_owned()).collect());
    found.passages =
        segments.iter().zip(flagged).filter(|(_, flagged)| *flagged).map(|(segment, _)| passage(answer, from_mark(segment))).collect();
    found
}

/// A segment from its first mark on, if what stands before it says nothing to a model: somebody may have answered first.
fn from_mark(segment: &str) -> &str {
    let begins = |at: &usize| {
        let rest = lower(&segment[*at..]);
        MARKS.iter().any(|mark| rest.starts_with(mark))
    };
    let mark = segment.char_indices().map(|(at, _)| at).find(begins);
    mark.filter(|at| signs(&segment[..*at]).is_empty()).map_or(segment, |at| &segment[at..])
}

fn passage(answer: &str, segment: &str) -> Passage {
    let at = segment.as_ptr() as usize - answer.as_ptr() as usize;
    let start = answer[..at].chars().count();
    Passage { start, end: start + segment.chars().count() }
}

/// The answer without those passages.
pub(crate) fn without(answer: &str, passages: &[Passage]) -> String {
    let hidden = |at: usize| passages.iter().any(|passage| (passage.start..passage.end).contains(&at));
    let mut shown = String::with_capacity(answer.len());
    for (at, character) in answer.chars().enumerate() {
        if !hidden(at) {
            shown.push(character);
        } else if at == 0 || !hidden(at - 1) {
            shown.push_str(WITHHELD);
        }
    }
    shown
}

/// The stretches of the answer outside those passages, in order.
pub(crate) fn outside<'a>(answer: &'a str, passages: &[Passage]) -> Vec<&'a str> {
    let byte = |at: usize| answer.char_indices().nth(at).map_or(answer.len(), |(byte, _)| byte);
    let mut stretches = Vec::with_capacity(passages.len() + 1);
    let mut from = 0;
    for passage in passages {
        stretches.push(&answer[from..byte(passage.start)]);
        from = byte(passage.end);
    }
    stretches.push(&answer[from..]);
    stretches
}

/// What a piece of text says to a model.
fn signs(text: &str) -> Vec<String> {
    let (plain, dense) = (lower(text), fold(text));
    let holds = |list: &[&str]| list.iter().any(|word| dense.contains(word));
    let mut signs: Vec<String> = MARKS.iter().filter(|mark| plain.contains(**mark)).map(|mark| (*mark).to_owned()).collect();
    signs.extend(REQUESTS.iter().filter(|request| dense.contains(**request)).map(|request| (*request).to_owned()));
    let rules = [
        ("revoking instructions", holds(OBJECTS) && holds(REVOKED)),
        ("demanding points", holds(POINTS) && holds(DEMANDS)),
        ("pleading for points", holds(PLEAS)),
        ("a role for the model", holds(ROLES)),
        ("a verdict of its own", holds(CLAIMS)),
        ("encoded text", text.split_whitespace().any(is_encoded)),
    ];
    signs.extend(rules.into_iter().filter(|(_, holds)| *holds).map(|(sign, _)| sign.to_owned()));
    signs
}

/// Base64, hexadecimal and their kin: nobody speaks them.
fn is_encoded(word: &str) -> bool {
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte));
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let upper = word.bytes().filter(u8::is_ascii_uppercase).count();
    plain && word.len() >= ENCODED_MIN && (digits > 1 || word.ends_with('=')) && (upper > 2 || digits > word.len() / 4)
}

/// Lower case, with letters that only look Latin made so.
fn lower(text: &str) -> String {
    text.chars().filter(|character| !is_invisible(*character)).map(latin).flat_map(char::to_lowercase).collect()
}

fn is_invisible(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{ad}' | '\u{feff}')
}

/// Full-width forms, and the Cyrillic and Greek letters that look like ours.
fn latin(character: char) -> char {
    match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0).unwrap_or(character),
        'а' | 'α' => 'a',
        'е' | 'ε' => 'e',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'с' => 'c',
        'у' => 'y',
        'х' => 'x',
        'і' | 'ι' => 'i',
        'ѕ' => 's',
        other => other,
    }
}

/// Letters and digits only, lower case.
pub(crate) fn fold(text: &str) -> String {
    lower(text).chars().filter(|character| character.is_alphanumeric()).collect()
}
