//! Words and phrases of the trade with their Hangul: data/loanwords.tsv.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::Said;

const TABLE: &str = include_str!("../../../data/loanwords.tsv");

struct Loanwords {
    /// By lower-case spelling.
    any_case: HashMap<String, &'static str>,
    /// Only as written: IT is not "it".
    as_written: HashMap<String, &'static str>,
    longest: usize,
}

static LOANWORDS: LazyLock<Loanwords> = LazyLock::new(|| {
    let (mut any_case, mut as_written, mut longest) = (HashMap::new(), HashMap::new(), 0);
    for line in TABLE.lines().filter(|l| !l.starts_with('#')) {
        let Some((spelt, said)) = line.split_once('\t') else { continue };
        longest = longest.max(spelt.chars().count());
        match spelt.strip_prefix('=') {
            Some(exact) => as_written.insert(exact.to_owned(), said),
            None => any_case.insert(spelt.to_lowercase(), said),
        };
    }
    Loanwords { any_case, as_written, longest }
});

/// The Hangul of one word, whatever its case.
pub(super) fn find(word: &str) -> Option<&'static str> {
    LOANWORDS.as_written.get(word).or_else(|| LOANWORDS.any_case.get(&word.to_lowercase())).copied()
}

/// The longest known word or phrase (Spring Boot, CI/CD, C++) that opens a text and ends at the end of a word.
pub(super) fn read(rest: &[char], before: Option<char>) -> Option<Said> {
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') || !rest.first()?.is_ascii_alphanumeric() && rest[0] != '.' {
        return None;
    }
    let ascii = rest.iter().take(LOANWORDS.longest).take_while(|c| c.is_ascii() && **c != '\n').count();
    (2..=ascii).rev().find_map(|length| {
        let next = rest.get(length);
        let inside = next.is_some_and(|c| c.is_ascii_alphanumeric() || *c == '_');
        let spelt: String = if inside { return None } else { rest[..length].iter().collect() };
        find(&spelt).map(|said| Said::new(length, said.to_owned()))
    })
}
