//! From letters to sounds, for words that the dictionary does not know. Readable rather than right: the longest spelling wins.

/// Spellings and their sounds, longest first among those that begin alike. `^` stands for the start of a word, `$` for its end.
const SPELLINGS: &[(&str, &str)] = &[
    ("tion", "ʃən"),
    ("sion", "ʒən"),
    ("ture", "ʧəɹ"),
    ("ough", "O"),
    ("augh", "ɔ"),
    ("eigh", "A"),
    ("igh", "I"),
    ("tch", "ʧ"),
    ("sch", "sk"),
    ("dge", "ʤ"),
    ("que$", "k"),
    ("gue$", "ɡ"),
    ("cious", "ʃəs"),
    ("tious", "ʃəs"),
    ("ous$", "əs"),
    ("able$", "əbᵊl"),
    ("ible$", "əbᵊl"),
    ("le$", "ᵊl"),
    ("es$", "z"),
    ("^kn", "n"),
    ("^gn", "n"),
    ("^wr", "ɹ"),
    ("^ps", "s"),
    ("^x", "z"),
    ("^y", "j"),
    ("ch", "ʧ"),
    ("sh", "ʃ"),
    ("th", "θ"),
    ("ph", "f"),
    ("wh", "w"),
    ("qu", "kw"),
    ("ck", "k"),
    ("ng$", "ŋ"),
    ("nk", "ŋk"),
    ("gh", ""),
    ("mb$", "m"),
    ("cc", "k"),
    ("ss", "s"),
    ("ll", "l"),
    ("tt", "t"),
    ("pp", "p"),
    ("bb", "b"),
    ("dd", "d"),
    ("ff", "f"),
    ("gg", "ɡ"),
    ("mm", "m"),
    ("nn", "n"),
    ("rr", "ɹ"),
    ("zz", "z"),
    ("kk", "k"),
    ("sc", "sk"),
    ("ce", "sɛ"),
    ("ci", "sɪ"),
    ("cy", "si"),
    ("ge$", "ʤ"),
    ("ce$", "s"),
    ("se$", "z"),
    ("ai", "A"),
    ("ay", "A"),
    ("au", "ɔ"),
    ("aw", "ɔ"),
    ("ar", "ɑɹ"),
    ("air", "ɛɹ"),
    ("are$", "ɛɹ"),
    ("ea", "i"),
    ("ear", "ɪɹ"),
    ("ee", "i"),
    ("eer", "ɪɹ"),
    ("ei", "A"),
    ("er", "əɹ"),
    ("eu", "ju"),
    ("ew", "u"),
    ("ey$", "i"),
    ("ie", "i"),
    ("ier", "ɪɹ"),
    ("ir", "ɜɹ"),
    ("oa", "O"),
    ("oi", "Y"),
    ("oy", "Y"),
    ("oo", "u"),
    ("or", "ɔɹ"),
    ("ore$", "ɔɹ"),
    ("ou", "W"),
    ("ow", "O"),
    ("ui", "u"),
    ("ue", "u"),
    ("ur", "ɜɹ"),
    ("ure$", "jʊɹ"),
    ("y$", "i"),
    ("e$", ""),
    ("a$", "ə"),
    ("o$", "O"),
    ("i$", "i"),
    ("a", "æ"),
    ("b", "b"),
    ("c", "k"),
    ("d", "d"),
    ("e", "ɛ"),
    ("f", "f"),
    ("g", "ɡ"),
    ("h", "h"),
    ("i", "ɪ"),
    ("j", "ʤ"),
    ("k", "k"),
    ("l", "l"),
    ("m", "m"),
    ("n", "n"),
    ("o", "ɑ"),
    ("p", "p"),
    ("q", "k"),
    ("r", "ɹ"),
    ("s", "s"),
    ("t", "t"),
    ("u", "ʌ"),
    ("v", "v"),
    ("w", "w"),
    ("x", "ks"),
    ("y", "ɪ"),
    ("z", "z"),
];
const LONG: [(char, &str); 6] = [('a', "A"), ('e', "i"), ('i', "I"), ('o', "O"), ('u', "u"), ('y', "I")];
/// The vowels among the symbols.
pub(super) const VOWELS: &str = "AIOWYɑæəɔɛɜɪiʊuʌɐᵊ";

/// A guess at the symbols of a word in lower case; the first vowel is stressed.
pub(super) fn guess(word: &str) -> String {
    let letters: Vec<char> = word.chars().filter(char::is_ascii_lowercase).collect();
    let mut symbols = String::new();
    let mut at = 0;
    while at < letters.len() {
        if let Some(long) = before_silent_e(&letters, at) {
            symbols.push_str(long);
            at += 1;
            continue;
        }
        let (length, sound) = longest(&letters, at);
        symbols.push_str(sound);
        at += length;
    }
    stressed(&symbols)
}

/// The vowel of "make": vowel, one consonant, final e.
fn before_silent_e(letters: &[char], at: usize) -> Option<&'static str> {
    let tail = &letters[at..];
    let fits = tail.len() == 3 && tail[2] == 'e' && !"aeiouyrwx".contains(tail[1]);
    LONG.iter().find(|(v, _)| fits && *v == tail[0]).map(|(_, sound)| *sound)
}

fn longest(letters: &[char], at: usize) -> (usize, &'static str) {
    let fits = |pattern: &str| {
        let (start, end) = (pattern.starts_with('^'), pattern.ends_with('$'));
        let spelt = pattern.trim_matches(['^', '$']);
        let matches = letters.get(at..at + spelt.len()).is_some_and(|l| l.iter().copied().eq(spelt.chars()));
        // An anchor counts like one more letter.
        let placed = (!start || at == 0) && (!end || (at > 0 && at + spelt.len() == letters.len()));
        (matches && placed).then_some((pattern.len(), spelt.len()))
    };
    let best = SPELLINGS.iter().filter_map(|(pattern, sound)| fits(pattern).map(|f| (f, *sound))).max_by_key(|(f, _)| *f);
    best.map_or((1, ""), |((_, length), sound)| (length, sound))
}

fn stressed(symbols: &str) -> String {
    match symbols.find(|c| VOWELS.contains(c) && c != 'ə' && c != 'ᵊ') {
        Some(at) => format!("{}ˈ{}", &symbols[..at], &symbols[at..]),
        None => symbols.to_owned(),
    }
}
