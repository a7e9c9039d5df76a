//! Latin words that no dictionary of loanwords has: acronyms letter by letter, names in parts, the rest by sound.

use super::{Said, loanwords, number};
use crate::text::english;

/// A word of Latin letters and figures at the start of a text: getUserName, API, S3, user_id, don't.
pub(super) fn read(rest: &[char]) -> Option<Said> {
    let first = *rest.first()?;
    if !first.is_alphabetic() || !is_latin(first) {
        return None;
    }
    let inner = |i: usize, c: char| matches!(c, '\'' | '_') && rest.get(i + 1).is_some_and(|n| is_latin(*n));
    let length = rest.iter().enumerate().take_while(|(i, c)| is_latin(**c) || c.is_ascii_digit() || inner(*i, **c)).count();
    let written: String = rest[..length].iter().collect();
    Some(Said::new(length, word(&written)))
}

/// A word of Latin letters and figures in Hangul.
pub(super) fn word(written: &str) -> String {
    let parts = parts(written);
    let said: Vec<String> = parts.iter().map(|p| part(p)).collect();
    // S3 and p99 are one word; names in camel case are several.
    let letters_only = parts.iter().all(|p| p.len() <= 2 || is_acronym(p) || p.starts_with(|c: char| c.is_ascii_digit()));
    said.join(if letters_only { "" } else { " " })
}

fn part(part: &str) -> String {
    if part.starts_with(|c: char| c.is_ascii_digit()) {
        return number::sino(part);
    }
    if let Some(said) = loanwords::find(part) {
        return said.to_owned();
    }
    let plural = part.strip_suffix('s').filter(|stem| stem.len() > 1 && is_acronym(stem));
    let stem = plural.unwrap_or(part);
    if stem.chars().count() == 1 || is_acronym(stem) {
        return spell(stem);
    }
    let said = english::in_hangul(&part.to_lowercase());
    if said.is_empty() { spell(part) } else { said }
}

/// Capitals that are said letter by letter: all short ones, and longer ones that have no vowel to say them with.
fn is_acronym(part: &str) -> bool {
    let capitals = part.chars().all(|c| c.is_ascii_uppercase());
    let lower_without_vowel = part.chars().all(|c| c.is_ascii_lowercase() && !"aeiouy".contains(c));
    (capitals && (part.len() <= 4 || !part.contains(['A', 'E', 'I', 'O', 'U', 'Y']))) || lower_without_vowel
}

fn spell(letters: &str) -> String {
    letters.chars().map(|c| letter(c).unwrap_or_default()).collect()
}

/// The Korean name of a Latin letter, in either case, with or without an accent.
fn letter(c: char) -> Option<&'static str> {
    const NAMES: [&str; 26] = [
        "에이",
        "비",
        "씨",
        "디",
        "이",
        "에프",
        "지",
        "에이치",
        "아이",
        "제이",
        "케이",
        "엘",
        "엠",
        "엔",
        "오",
        "피",
        "큐",
        "알",
        "에스",
        "티",
        "유",
        "브이",
        "더블유",
        "엑스",
        "와이",
        "제트",
    ];
    let base = english::without_accent(c).to_ascii_lowercase();
    NAMES.get((base as usize).checked_sub('a' as usize)?).copied()
}

fn is_latin(c: char) -> bool {
    english::without_accent(c).is_ascii_alphabetic()
}

/// A name cut at underscores, apostrophes, changes of case and figures: `getHTTPResponse2` is get, HTTP, Response, 2.
fn parts(written: &str) -> Vec<String> {
    let chars: Vec<char> = written.chars().map(english::without_accent).filter(|c| *c != '\'').collect();
    let mut parts: Vec<String> = Vec::new();
    let mut open = false;
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| chars[j]);
        let next = chars.get(i + 1);
        let boundary = before.is_some_and(|b| {
            (b.is_ascii_lowercase() && c.is_ascii_uppercase())
                || (b.is_ascii_digit() != c.is_ascii_digit())
                || (b.is_ascii_uppercase() && c.is_ascii_uppercase() && next.is_some_and(|n| n.is_ascii_lowercase() && *n != 's'))
        });
        if *c == '_' {
            open = false;
        } else if let Some(part) = parts.last_mut().filter(|_| open && !boundary) {
            part.push(*c);
        } else {
            parts.push(c.to_string());
            open = true;
        }
    }
    parts
}
