//! The first look at a text: what is refused, and one form for characters that have several.

use super::hangul::{self, NO_CODA, SILENT};
use super::{Error, MAX_CHARS};

/// The text with compatibility forms folded, or the reason why it cannot be spoken.
pub(super) fn clean(text: &str) -> Result<String, Error> {
    let chars = text.chars().count();
    if chars > MAX_CHARS {
        return Err(Error::TooLong { chars, max: MAX_CHARS });
    }
    if let Some((position, c)) = text.chars().enumerate().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(Error::ControlCharacters { code: c.into(), position });
    }
    let folded: String = compose(text).chars().filter_map(fold).flatten().collect();
    if folded.trim().is_empty() {
        return Err(if text.trim().is_empty() { Error::Empty } else { nothing_to_say(text) });
    }
    Ok(folded)
}

pub(super) fn nothing_to_say(text: &str) -> Error {
    Error::NothingToSay { sample: text.trim().chars().take(12).collect() }
}

/// One form per character; nothing for characters that have no width.
fn fold(c: char) -> Option<std::vec::IntoIter<char>> {
    let to = |s: &str| Some(s.chars().collect::<Vec<_>>().into_iter());
    match c {
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' => {
            None
        }
        '\r' => to("\n"),
        '\t' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => to(" "),
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).map(|c| vec![c].into_iter()),
        '‘' | '’' | '`' | '´' => to("'"),
        '“' | '”' | '「' | '」' | '『' | '』' | '《' | '》' | '〈' | '〉' | '«' | '»' => to("\""),
        '‐' | '‑' | '‒' | '–' | '−' => to("-"),
        '∼' | '〜' | '˜' => to("~"),
        '。' => to("."),
        '、' => to(","),
        '⋯' => to("…"),
        'ㆍ' | '•' | '‧' | '・' => to("·"),
        '₩' => to("￦"),
        '㎞' => to("km"),
        '㎝' => to("cm"),
        '㎜' => to("mm"),
        '㎏' => to("kg"),
        '㎎' => to("mg"),
        '㎡' => to("m²"),
        '㎢' => to("km²"),
        '㎖' => to("ml"),
        '㎐' => to("Hz"),
        '㏈' => to("dB"),
        '½' => to("1/2"),
        '⅓' => to("1/3"),
        '¼' => to("1/4"),
        '¾' => to("3/4"),
        '①'..='⑳' => to(&(u32::from(c) - u32::from('①') + 1).to_string()),
        _ => Some(vec![c].into_iter()),
    }
}

/// Conjoining letters (U+1100.., how macOS writes file names) as syllables.
fn compose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let onset = u32::from(c).wrapping_sub(0x1100);
        let vowel = rest.peek().map_or(u32::MAX, |v| u32::from(*v).wrapping_sub(0x1161));
        if onset >= 19 || vowel >= 21 {
            out.push(c);
            continue;
        }
        rest.next();
        let coda = rest.peek().map_or(u32::MAX, |t| u32::from(*t).wrapping_sub(0x11A7));
        let coda = if (1..28).contains(&coda) { rest.next().map_or(0, |_| coda) } else { 0 };
        out.extend(char::from_u32(0xAC00 + (onset * 21 + vowel) * 28 + coda));
    }
    out
}

/// Letters that stand alone (ㄱ, ㅏ) by their names, since the rules know only syllables.
pub(super) fn letter_name(c: char) -> Option<String> {
    const CONSONANTS: &str = "ㄱ기역 ㄲ쌍기역 ㄴ니은 ㄷ디귿 ㄸ쌍디귿 ㄹ리을 ㅁ미음 ㅂ비읍 ㅃ쌍비읍 ㅅ시옷 ㅆ쌍시옷 ㅇ이응 ㅈ지읒 ㅉ쌍지읒 ㅊ치읓 ㅋ키읔 ㅌ티읕 ㅍ피읖 ㅎ히읗";
    let consonant = CONSONANTS.split(' ').find_map(|entry| entry.strip_prefix(c).map(ToOwned::to_owned));
    consonant.or_else(|| hangul::syllable(SILENT, c, NO_CODA).map(String::from))
}
