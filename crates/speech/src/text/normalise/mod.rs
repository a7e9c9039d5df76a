//! Korean text as it is said: everything that is not Hangul or punctuation is written out.
//!
//! Owns: the order in which the readers below are tried, the spaces between what they say, and signs.
//! Promises: Hangul is never changed; a particle stays joined to the word before it; the result has only Hangul, space and `.,!?…`.
//! Does not: correct spelling or choose particles; 을 after a Latin word stays 을.

mod calendar;
mod code;
mod counter;
mod figure;
mod latin;
mod loanwords;
mod number;
mod quantity;
mod sign;
mod unit;
mod web;

use super::clean;
use super::hangul::is_syllable;

/// What a reader found at the start of a text: its length in characters, and how it is said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    taken: usize,
    text: String,
}

impl Said {
    fn new(taken: usize, text: String) -> Self {
        Self { taken, text }
    }
}

/// A cleaned text, written out.
pub(super) fn korean(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let before = at.checked_sub(1).map(|i| chars[i]);
        if let Some(said) = read(rest, before) {
            push_word(&mut out, &said.text, before);
            at += said.taken.max(1);
        } else {
            push_char(&mut out, rest, before);
            at += 1;
        }
    }
    tidy(&out)
}

/// Tries every reader in turn: what is more specific comes first.
fn read(rest: &[char], before: Option<char>) -> Option<Said> {
    let c = *rest.first()?;
    if is_syllable(c) || c == ' ' {
        return None;
    }
    let after_name = before.is_some_and(|b| b.is_ascii_alphanumeric());
    web::read(rest, before)
        .or_else(|| loanwords::read(rest, before))
        .or_else(|| if after_name { None } else { calendar::read(rest) })
        .or_else(|| code::read(rest, before))
        .or_else(|| sign::before_number(rest, before))
        .or_else(|| quantity::read(rest))
        .or_else(|| latin::read(rest))
}

/// A reading after a syllable or another reading gets a space, except after the ordinal prefix 제 (제1항).
fn push_word(out: &mut String, said: &str, before: Option<char>) {
    let joined = before == Some('제') && out.chars().rev().nth(1).is_none_or(|c| !is_syllable(c));
    if !joined && out.ends_with(is_syllable) {
        out.push(' ');
    }
    out.push_str(said);
}

fn push_char(out: &mut String, rest: &[char], before: Option<char>) {
    match rest[0] {
        c if is_syllable(c) || c == ' ' => out.push(c),
        c => match clean::letter_name(c) {
            Some(name) => out.push_str(&name),
            None => out.push_str(sign::read(rest, before)),
        },
    }
}

/// Single spaces, none before punctuation, and one mark where several meet.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let last = out.chars().last();
        match c {
            ' ' if matches!(last, None | Some(' ')) => {}
            '.' | ',' | '!' | '?' | '…' => {
                while out.ends_with(' ') {
                    out.pop();
                }
                match out.chars().last() {
                    Some(',') if c != ',' => {
                        out.pop();
                        out.push(c);
                    }
                    None | Some('.' | '!' | '?' | '…' | ',') => {}
                    Some(_) => out.push(c),
                }
            }
            _ => {
                if matches!(last, Some('.' | ',' | '!' | '?' | '…')) && c != ' ' {
                    out.push(' ');
                }
                out.push(c);
            }
        }
    }
    out.trim_end().to_owned()
}
