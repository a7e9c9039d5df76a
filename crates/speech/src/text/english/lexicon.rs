//! Words whose sounds are known, and words made of them: plurals, tenses, two words in one.

use std::sync::LazyLock;

const WORDS: &str = include_str!("../../../data/english.tsv");
const TERMS: &str = include_str!("../../../data/english_terms.tsv");

/// Function words that carry no stress in a sentence (as misaki, the front end that the voice was trained with, writes them).
const WEAK: &[(&str, &str)] = &[
    ("an", "ɐn"),
    ("and", "ænd"),
    ("are", "ɑɹ"),
    ("as", "æz"),
    ("at", "æt"),
    ("be", "bi"),
    ("been", "bɪn"),
    ("but", "bˌʌt"),
    ("by", "bI"),
    ("can", "kæn"),
    ("could", "kʊd"),
    ("for", "fɔɹ"),
    ("from", "fɹʌm"),
    ("had", "hæd"),
    ("has", "hæz"),
    ("have", "hæv"),
    ("he", "hi"),
    ("her", "hɜɹ"),
    ("him", "hɪm"),
    ("his", "hɪz"),
    ("how", "hˌW"),
    ("i", "I"),
    ("if", "ɪf"),
    ("in", "ɪn"),
    ("is", "ɪz"),
    ("it", "ɪt"),
    ("its", "ɪts"),
    ("me", "mˌi"),
    ("my", "mI"),
    ("not", "nˌɑt"),
    ("of", "ʌv"),
    ("on", "ˌɔn"),
    ("or", "ɔɹ"),
    ("our", "ˌWəɹ"),
    ("she", "ʃi"),
    ("should", "ʃˌʊd"),
    ("so", "sˌO"),
    ("than", "ðən"),
    ("that", "ðæt"),
    ("their", "ðɛɹ"),
    ("them", "ðɛm"),
    ("there", "ðɛɹ"),
    ("they", "ðA"),
    ("this", "ðɪs"),
    ("us", "ʌs"),
    ("was", "wʌz"),
    ("we", "wi"),
    ("were", "wɜɹ"),
    ("what", "wˌʌt"),
    ("when", "wˌɛn"),
    ("where", "wˌɛɹ"),
    ("which", "wˌɪʧ"),
    ("who", "hˌu"),
    ("why", "wˌI"),
    ("will", "wɪl"),
    ("with", "wɪð"),
    ("would", "wʊd"),
    ("you", "ju"),
    ("your", "jʊɹ"),
];

/// All words with their symbols, in the order of their bytes.
static ENTRIES: LazyLock<Vec<(&'static str, &'static str)>> = LazyLock::new(|| {
    let lines = |table: &'static str| table.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('\t'));
    let mut entries: Vec<_> = WEAK.iter().copied().chain(lines(TERMS)).chain(lines(WORDS)).collect();
    // A stable sort keeps what was named first first.
    entries.sort_by_key(|(word, _)| *word);
    entries.dedup_by_key(|(word, _)| *word);
    entries
});

/// The symbols of a word in lower case.
pub(super) fn find(word: &str) -> Option<String> {
    whole(word).map(ToOwned::to_owned).or_else(|| inflected(word)).or_else(|| compound(word))
}

fn whole(word: &str) -> Option<&'static str> {
    ENTRIES.binary_search_by_key(&word, |(w, _)| w).ok().map(|i| ENTRIES[i].1)
}

/// A known stem with an ending: tests, deployed, caching, weekly.
fn inflected(word: &str) -> Option<String> {
    const DOUBLED: &str = "bdgklmnprtvz";
    let stems = |ending: &str, e: bool| -> Option<&'static str> {
        let stem = word.strip_suffix(ending).filter(|s| s.len() > 1)?;
        let doubled = stem.chars().last().filter(|c| DOUBLED.contains(*c) && stem.ends_with(&c.to_string().repeat(2)));
        whole(stem)
            .or_else(|| if e { whole(&format!("{stem}e")) } else { None })
            .or_else(|| doubled.and_then(|_| whole(&stem[..stem.len() - 1])))
            .or_else(|| stem.strip_suffix('i').and_then(|s| whole(&format!("{s}y"))))
    };
    if let Some(stem) = stems("'s", false).or_else(|| stems("s", false)).or_else(|| stems("es", true)) {
        return Some(format!("{stem}{}", plural(stem)));
    }
    if let Some(stem) = stems("ed", true) {
        return Some(format!("{stem}{}", past(stem)));
    }
    [
        ("ing", true, "ɪŋ"),
        ("ly", false, "li"),
        ("er", true, "əɹ"),
        ("ers", true, "əɹz"),
        ("able", true, "əbᵊl"),
        ("less", false, "ləs"),
        ("ness", false, "nəs"),
    ]
    .iter()
    .find_map(|(ending, e, said)| stems(ending, *e).map(|stem| format!("{stem}{said}")))
}

fn plural(stem: &str) -> &'static str {
    match stem.chars().last() {
        Some('s' | 'z' | 'ʃ' | 'ʒ' | 'ʧ' | 'ʤ') => "ɪz",
        Some('p' | 't' | 'k' | 'f' | 'θ') => "s",
        _ => "z",
    }
}

fn past(stem: &str) -> &'static str {
    match stem.chars().last() {
        Some('t' | 'd') => "ɪd",
        Some('p' | 'k' | 'f' | 'θ' | 's' | 'ʃ' | 'ʧ') => "t",
        _ => "d",
    }
}

/// Two known words written as one (frontend, codebase): the second keeps a weaker stress.
fn compound(word: &str) -> Option<String> {
    if !word.is_ascii() {
        return None;
    }
    (3..word.len().saturating_sub(2)).rev().find_map(|cut| {
        let (first, second) = (whole(&word[..cut])?, whole(&word[cut..])?);
        Some(format!("{first}{}", second.replace('ˌ', "").replace('ˈ', "ˌ")))
    })
}
