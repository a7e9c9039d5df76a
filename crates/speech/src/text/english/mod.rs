//! American English: text to symbols, and English words to Hangul for Korean sentences.
//!
//! Owns: the dictionary (data/english.tsv, data/english_terms.tsv), the fallback from letters to sounds, and numbers in words.
//! Promises: every word of letters gives symbols of the vocabulary; punctuation is kept for pauses.
//! Does not: tell homographs apart (read, record) or mark the stress of sentences beyond leaving function words weak.

mod letters;
mod lexicon;
mod normalise;
mod number;
mod quantity;
mod transliterate;

pub(super) use normalise::english as normalise;

/// The symbols of a text that [`normalise`] has written out.
pub(super) fn phonemes(text: &str) -> String {
    let mut symbols = String::with_capacity(text.len());
    let mut word = String::new();
    for (at, c) in text.char_indices() {
        if c.is_ascii_alphabetic() || c == '\'' {
            word.push(c);
            continue;
        }
        flush(&mut word, &mut symbols, text[at..].trim_start());
        symbols.push(c);
    }
    flush(&mut word, &mut symbols, "");
    symbols
}

fn flush(word: &mut String, symbols: &mut String, next: &str) {
    let spelt = std::mem::take(word);
    let spelt = spelt.trim_matches('\'');
    if !spelt.is_empty() {
        let next: String = next.chars().take_while(char::is_ascii_alphabetic).collect();
        let before_vowel = say(&next, false).trim_start_matches(['ˈ', 'ˌ']).starts_with(|c| letters::VOWELS.contains(c));
        symbols.push_str(&say(spelt, before_vowel));
    }
}

/// One word. Before the sound of a vowel "the" and "to" keep their full vowels.
fn say(word: &str, before_vowel: bool) -> String {
    match word {
        "the" | "The" if before_vowel => "ði".to_owned(),
        "the" | "The" => "ðə".to_owned(),
        "a" | "A" => "ɐ".to_owned(),
        "to" | "To" => if before_vowel { "tʊ" } else { "tə" }.to_owned(),
        // A letter that stands alone (C I C D) is named.
        _ if word.len() == 1 => lexicon::find(&word.to_ascii_lowercase()).unwrap_or_default(),
        _ => lexicon::find(&word.to_ascii_lowercase()).unwrap_or_else(|| letters::guess(&word.to_ascii_lowercase())),
    }
}

/// An English word in lower case as Korean writes it (외래어 표기법, chapter 3, section 1). Empty where no letter has a sound.
pub(super) fn in_hangul(word: &str) -> String {
    let symbols = lexicon::find(word).unwrap_or_else(|| letters::guess(word));
    transliterate::hangul(&symbols, word)
}

/// A Latin letter without its accent; any other character as it is.
pub(super) fn without_accent(c: char) -> char {
    match c {
        'À'..='Å' => 'A',
        'Ç' => 'C',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ñ' => 'N',
        'Ò'..='Ö' | 'Ø' => 'O',
        'Ù'..='Ü' => 'U',
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' | 'ø' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    }
}
