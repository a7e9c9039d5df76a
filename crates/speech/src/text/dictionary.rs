//! Readings that a user knows better: names of firms, products and people.

use super::Error;

/// Words and how they are said. Longer words go first; a word is replaced only where it stands as one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dictionary {
    /// From the longest word to the shortest.
    entries: Vec<(String, String)>,
}

impl Dictionary {
    /// Reads `word<TAB>reading` lines; empty lines and those that begin with `#` are passed over. The reading is written as the
    /// language writes it: `Viva<TAB>비바`.
    ///
    /// # Errors
    /// [`Error::Dictionary`] with the line's number.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut entries: Vec<(String, String)> = Vec::new();
        for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |reason: &'static str| Error::Dictionary { line: number + 1, reason };
            let (word, reading) = line.split_once('\t').ok_or_else(|| wrong("has no tab: write word<TAB>reading"))?;
            let (word, reading) = (word.trim(), reading.trim());
            if !word.chars().any(char::is_alphanumeric) {
                return Err(wrong("has no word before the tab"));
            }
            if !reading.chars().any(char::is_alphanumeric) {
                return Err(wrong("has no reading after the tab"));
            }
            if entries.iter().any(|(known, _)| known == word) {
                return Err(wrong("has a word that an earlier line has already: keep one of them"));
            }
            entries.push((word.to_owned(), reading.to_owned()));
        }
        entries.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Ok(Self { entries })
    }

    /// The text with its words replaced. What has been replaced is not looked at again.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let before = out_side(text, rest);
            let found = self.entries.iter().find(|(word, _)| rest.starts_with(word.as_str()) && stands_alone(before, word, rest));
            if let Some((word, reading)) = found {
                out.push_str(reading);
                rest = &rest[word.len()..];
            } else {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        out
    }
}

/// The character before `rest` in `text`.
fn out_side(text: &str, rest: &str) -> Option<char> {
    text[..text.len() - rest.len()].chars().next_back()
}

/// Whether the word at the head of `rest` is not part of a longer one. Korean particles follow without a space, so the end of a
/// word is where its script ends, and a Korean word may always go on.
fn stands_alone(before: Option<char>, word: &str, rest: &str) -> bool {
    let (first, last) = (word.chars().next(), word.chars().next_back());
    let after = rest[word.len()..].chars().next();
    let joins = |a: Option<char>, b: Option<char>| a.zip(b).is_some_and(|(a, b)| one_word(a, b));
    let goes_on = last.is_some_and(|last| last.is_ascii_alphanumeric()) && joins(last, after);
    !joins(before, first) && !goes_on
}

fn one_word(a: char, b: char) -> bool {
    a.is_alphanumeric() && b.is_alphanumeric() && a.is_ascii() == b.is_ascii()
}
