//! English text as it is said: numbers, money, times, units, signs and acronyms in words.

use super::{lexicon, quantity, without_accent};

/// Acronyms in capitals that are said as words.
const SAID_AS_WORDS: &[&str] = &[
    "RAM", "NASA", "JSON", "REST", "AJAX", "CRUD", "ACID", "SOLID", "YAML", "RAG", "SQL", "LAN", "WAN", "DOM", "CORS", "SAAS", "AWS",
    "CSS", "JPA",
];

/// A cleaned text in words. What has no English reading (Hangul) becomes a space.
pub(in super::super) fn english(text: &str) -> String {
    let chars: Vec<char> = text.chars().map(without_accent).collect();
    // A headline in capitals is words; one or two acronyms are not a headline.
    let shouting = !chars.iter().any(char::is_ascii_lowercase) && chars.iter().filter(|c| c.is_ascii_uppercase()).count() > 12;
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let before = at.checked_sub(1).map(|i| chars[i]);
        let (taken, said) = quantity::read(rest, before).or_else(|| word(rest, shouting)).unwrap_or_else(|| (1, sign(rest, before)));
        let spaced = out.ends_with(|c: char| c.is_ascii_alphanumeric()) && said.starts_with(|c: char| c.is_ascii_alphanumeric());
        out.push_str(if spaced { " " } else { "" });
        out.push_str(&said);
        at += taken;
    }
    tidy(&out)
}

/// A word; acronyms and names in camel case are taken apart.
fn word(rest: &[char], shouting: bool) -> Option<(usize, String)> {
    let inner = |i: usize| rest[i] == '\'' && i > 0 && rest.get(i + 1).is_some_and(char::is_ascii_alphabetic);
    let length = (0..rest.len()).take_while(|i| rest[*i].is_ascii_alphabetic() || inner(*i)).count();
    let written: String = rest[..length].iter().collect();
    let stem = written.strip_suffix('s').filter(|s| s.len() > 1 && s.chars().all(|c| c.is_ascii_uppercase()));
    let capitals = stem.unwrap_or(&written);
    let acronym = capitals.len() > 1 && capitals.chars().all(|c| c.is_ascii_uppercase());
    let short = capitals.len() <= 3 || lexicon::find(&capitals.to_lowercase()).is_none();
    match (length, acronym) {
        (0, _) => None,
        (_, true) if !shouting && short && capitals.len() <= 5 && !SAID_AS_WORDS.contains(&capitals) => {
            let letters: Vec<String> = capitals.chars().map(letter).collect();
            Some((length, format!("{}{}", letters.join(" "), if stem.is_some() { "'s" } else { "" })))
        }
        _ if abbreviation(&written).is_some() && rest.get(length) == Some(&'.') => Some((length + 1, abbreviation(&written)?.to_owned())),
        _ if lexicon::find(&written.to_lowercase()).is_some() => Some((length, written)),
        _ => Some((length, camel(&written))),
    }
}

/// What stands for a longer word when a full stop follows.
fn abbreviation(word: &str) -> Option<&'static str> {
    Some(match word {
        "Mr" => "mister",
        "Mrs" => "missus",
        "Ms" => "miz",
        "Dr" => "doctor",
        "vs" => "versus",
        "etc" => "et cetera",
        _ => return None,
    })
}

/// A letter by its name, so that A is not read as the article.
fn letter(c: char) -> String {
    if c == 'A' { "ay".to_owned() } else { c.to_string() }
}

/// getUserName is three words.
fn camel(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        if i > 0 && c.is_ascii_uppercase() && chars[i - 1].is_ascii_lowercase() {
            out.push(' ');
        }
        out.push(*c);
    }
    out
}

fn sign(rest: &[char], before: Option<char>) -> String {
    let between = |c: Option<&char>| c.is_some_and(char::is_ascii_alphanumeric);
    let inside = between(before.as_ref()) && between(rest.get(1));
    match rest[0] {
        '.' if inside => " dot ",
        c @ ('.' | ',' | '!' | '?' | ';' | ':' | '…') => return c.to_string(),
        '—' => " — ",
        '\n' if before.is_some_and(char::is_alphanumeric) => ". ",
        '&' => " and ",
        '@' => " at ",
        '+' => " plus ",
        '=' => " equals ",
        '%' => " percent ",
        '#' => " sharp ",
        _ => " ",
    }
    .to_owned()
}

fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' if out.is_empty() || out.ends_with(' ') => {}
            '.' | ',' | '!' | '?' | ';' | ':' | '…' => {
                out.truncate(out.trim_end().len());
                if !out.is_empty() && !out.ends_with(['.', ',', '!', '?', ';', ':', '…']) {
                    out.push(c);
                }
            }
            _ => out.push(c),
        }
    }
    out.trim().to_owned()
}
