//! A number as it is written: 12,345 and 2.5 and 1만 2천.

use super::number;

const MAGNITUDES: &str = "십백천만억조";
/// What may not follow a magnitude, since the two begin another word: 백엔드, 만큼, 조건.
const OTHER_WORDS: &[&str] = &[
    "백엔", "백업", "백그", "백오", "백터", "만큼", "만나", "만들", "만약", "만족", "조각", "조건", "조항", "조직", "조회", "천천", "십분",
];

/// A number at the start of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    /// The digits before the point, without commas.
    pub(super) digits: String,
    /// The digits after the point.
    pub(super) fraction: Option<String>,
    /// How it is said in Sino-Korean.
    pub(super) said: String,
    /// Whether Hangul magnitudes took part (3만), so that no native word fits.
    pub(super) large: bool,
    /// Its length in characters.
    pub(super) taken: usize,
}

impl Figure {
    /// Whether it is plain digits: what fractions, ratios and ordinals are made of.
    pub(super) fn is_whole(&self) -> bool {
        self.fraction.is_none() && !self.large
    }
}

/// The number that opens a text.
pub(super) fn read(rest: &[char]) -> Option<Figure> {
    let (digits, fraction, mut taken) = plain(rest)?;
    let said = match &fraction {
        Some(f) => number::decimal(&digits, f),
        None => number::sino(&digits),
    };
    let mut figure = Figure { said, digits, fraction, large: false, taken };
    let mut magnitude = magnitudes(&rest[taken..]);
    if magnitude.is_empty() {
        return Some(figure);
    }
    figure.said = with_magnitude(&figure.digits, figure.fraction.as_deref(), &magnitude, true);
    figure.large = true;
    taken += magnitude.chars().count();
    while let Some((part, length, next)) = continuation(&rest[taken..], &magnitude) {
        let spaced = magnitude.ends_with(['만', '억', '조']);
        figure.said.push_str(if spaced { " " } else { "" });
        figure.said.push_str(&part);
        taken += length;
        magnitude = next;
        if magnitude.is_empty() {
            break;
        }
    }
    figure.taken = taken;
    Some(figure)
}

/// Digits, with commas only between groups of three, and a decimal part unless a second point follows (a version).
fn plain(rest: &[char]) -> Option<(String, Option<String>, usize)> {
    let run = |from: usize| rest.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    let mut taken = run(0);
    if taken == 0 {
        return None;
    }
    let mut digits: String = rest[..taken].iter().collect();
    if taken <= 3 {
        while rest.get(taken) == Some(&',') && run(taken + 1) == 3 {
            digits.extend(&rest[taken + 1..taken + 4]);
            taken += 4;
        }
    }
    let decimals = if rest.get(taken) == Some(&'.') { run(taken + 1) } else { 0 };
    let version = rest.get(taken + 1 + decimals) == Some(&'.') && run(taken + 2 + decimals) > 0;
    if decimals == 0 || version {
        return Some((digits, None, taken));
    }
    let fraction = rest[taken + 1..=taken + decimals].iter().collect();
    Some((digits, Some(fraction), taken + 1 + decimals))
}

fn magnitudes(rest: &[char]) -> String {
    let mut found = String::new();
    for (i, c) in rest.iter().enumerate().take(2) {
        let word: String = rest[i..].iter().take(2).collect();
        if !MAGNITUDES.contains(*c) || OTHER_WORDS.contains(&word.as_str()) {
            break;
        }
        found.push(*c);
    }
    found
}

/// `2천` after `1만 `, or up to four digits after a magnitude of 10000 or more: what it says, its length, its own magnitude.
fn continuation(rest: &[char], before: &str) -> Option<(String, usize, String)> {
    let space = usize::from(rest.first() == Some(&' '));
    let (digits, fraction, length) = plain(&rest[space..])?;
    let magnitude = magnitudes(&rest[space + length..]);
    let smaller = |c: char| MAGNITUDES.find(c);
    let falls = magnitude.chars().last().and_then(smaller) < before.chars().last().and_then(smaller);
    let bare = magnitude.is_empty() && before.ends_with(['만', '억', '조']) && digits.len() <= 4;
    if fraction.is_some() || digits.starts_with('0') || !(bare || !magnitude.is_empty() && falls) {
        return None;
    }
    let taken = space + length + magnitude.chars().count();
    Some((with_magnitude(&digits, None, &magnitude, false), taken, magnitude))
}

fn with_magnitude(digits: &str, fraction: Option<&str>, magnitude: &str, first: bool) -> String {
    let silent_one = digits == "1" && fraction.is_none() && (magnitude.starts_with(['십', '백', '천']) || (first && magnitude == "만"));
    match fraction {
        _ if silent_one => magnitude.to_owned(),
        Some(f) => format!("{}{magnitude}", number::decimal(digits, f)),
        None => format!("{}{magnitude}", number::sino(digits)),
    }
}
