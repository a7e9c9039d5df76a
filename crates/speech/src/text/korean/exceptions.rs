//! Words that are not said as the rules would have it, or that the rules cannot decide: data/pronunciation.tsv.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::hangul::{coda, is_syllable};

const TABLE: &str = include_str!("../../../data/pronunciation.tsv");

struct Entry {
    respelling: Vec<char>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Anywhere,
    /// `^`: no syllable precedes it.
    WordStart,
    /// `ㄹ`: the syllable before it ends in ㄹ.
    AfterL,
}

struct Exceptions {
    entries: HashMap<Vec<char>, Entry>,
    longest: usize,
}

static EXCEPTIONS: LazyLock<Exceptions> = LazyLock::new(|| {
    let mut entries = HashMap::new();
    for line in TABLE.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let mut columns = line.split('\t');
        let (Some(spelt), Some(said)) = (columns.next(), columns.next()) else { continue };
        let (place, spelt) = match spelt.chars().next() {
            Some('^') => (Place::WordStart, &spelt[1..]),
            Some('ㄹ') => (Place::AfterL, &spelt['ㄹ'.len_utf8()..]),
            _ => (Place::Anywhere, spelt),
        };
        entries.insert(spelt.chars().collect(), Entry { respelling: said.chars().collect(), place });
    }
    let longest = entries.keys().map(Vec::len).max().unwrap_or(0);
    Exceptions { entries, longest }
});

/// The text with every exception spelt in a way that the rules read rightly. The length in characters does not change.
pub(super) fn respell(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < chars.len() {
        let before = at.checked_sub(1).map(|i| chars[i]);
        let fits = |entry: &&Entry| match entry.place {
            Place::Anywhere => true,
            Place::WordStart => !before.is_some_and(is_syllable),
            Place::AfterL => before.and_then(coda) == Some('ㄹ'),
        };
        let lengths = (2..=EXCEPTIONS.longest.min(chars.len() - at)).rev();
        let found = lengths.filter_map(|len| EXCEPTIONS.entries.get(&chars[at..at + len])).find(fits);
        let length = found.map_or(1, |entry| entry.respelling.len());
        if let Some(entry) = found {
            chars[at..at + length].copy_from_slice(&entry.respelling);
        }
        at += length;
    }
    chars.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::EXCEPTIONS;

    #[test]
    fn every_exception_keeps_its_length() {
        for (spelt, entry) in &EXCEPTIONS.entries {
            assert_eq!(spelt.len(), entry.respelling.len(), "{}", spelt.iter().collect::<String>());
        }
    }
}
