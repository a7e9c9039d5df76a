//! Signs that are neither letters nor figures: what they say, and which are only a pause.

use super::{Said, quantity};
use crate::text::hangul::is_syllable;

/// A sign that belongs to the number after it: -5, +3, ±2, -3℃, #1.
pub(super) fn before_number(rest: &[char], before: Option<char>) -> Option<Said> {
    let sign = *rest.first()?;
    let space = usize::from(matches!(sign, '±') && rest.get(1) == Some(&' '));
    let digits = rest.get(1 + space..).filter(|r| r.first().is_some_and(char::is_ascii_digit))?;
    let attached = before.is_some_and(|c| c.is_alphanumeric() || c == ')');
    let word = match sign {
        '-' if !attached => "마이너스",
        '+' if !attached => "플러스",
        '±' => "플러스마이너스",
        '#' if !attached => "",
        _ => return None,
    };
    let number = quantity::read(digits)?;
    let degrees = sign == '-' && (number.text.ends_with(" 도"));
    let word = if degrees { "영하" } else { word };
    let gap = if word.is_empty() { "" } else { " " };
    Some(Said::new(1 + space + number.taken, format!("{word}{gap}{}", number.text)))
}

/// What a single sign says between other text.
pub(super) fn read(rest: &[char], before: Option<char>) -> &'static str {
    let next = rest.get(1).copied();
    let word = |c: Option<char>| c.is_some_and(|c| is_syllable(c) || c.is_ascii_alphanumeric());
    let between = word(before) && word(next);
    match rest[0] {
        '.' if between && !next.is_some_and(is_syllable) => " 점 ",
        '.' => ".",
        ',' | ';' => ",",
        '!' => "!",
        '?' => "?",
        '…' => "…",
        '\n' => line_break(before),
        ':' | '·' | '—' | '→' | '⇒' | '|' if next.is_some_and(|c| !c.is_ascii_digit()) => ", ",
        '~' if word(before) && (word(next) || next == Some(' ')) => "에서 ",
        '&' => " 앤드 ",
        '@' => " 골뱅이 ",
        '%' => " 퍼센트",
        '+' if rest.len() > 1 => " 플러스 ",
        '=' => " 이퀄 ",
        '×' => " 곱하기 ",
        '÷' => " 나누기 ",
        '≥' | '≤' | '<' | '>' | '/' | '-' | '_' | '(' | '[' | '{' | '\\' => " ",
        _ => "",
    }
}

/// A line that ends without a mark still ends.
fn line_break(before: Option<char>) -> &'static str {
    match before {
        None | Some('\n' | '.' | ',' | '!' | '?' | '…' | ':' | ' ') => " ",
        Some(_) => ". ",
    }
}
