//! Sounds to the alphabet of the voice model. The model was not trained on Korean: the choices here are those that a recogniser understands best.

use super::super::hangul::{NO_CODA, Syllable};
use super::Sound;

/// The symbols of a sequence of sounds. Characters that are no syllable are kept as they are.
pub(in super::super) fn write(sounds: &[Sound]) -> String {
    let mut symbols = String::new();
    for (at, sound) in sounds.iter().enumerate() {
        match sound {
            Sound::Syllable(s) => {
                let before = at.checked_sub(1).and_then(|i| syllable(&sounds[i]));
                let after = sounds.get(at + 1).and_then(syllable);
                symbols.push_str(onset(s, before));
                symbols.push_str(vowel(s.vowel));
                symbols.push_str(coda(s.coda, after));
            }
            Sound::Other(c) => symbols.push(*c),
        }
    }
    symbols
}

fn syllable(sound: &Sound) -> Option<&Syllable> {
    match sound {
        Sound::Syllable(s) => Some(s),
        Sound::Other(_) => None,
    }
}

/// Plain stops are voiced between voiced sounds, and at the start of a word too: unvoiced ones are heard as aspirated there.
fn onset(s: &Syllable, before: Option<&Syllable>) -> &'static str {
    let voiced = before.is_none_or(|b| matches!(b.coda, NO_CODA | 'ㄴ' | 'ㄹ' | 'ㅁ' | 'ㅇ'));
    let palatal = matches!(s.vowel, 'ㅣ' | 'ㅑ' | 'ㅕ' | 'ㅛ' | 'ㅠ' | 'ㅒ' | 'ㅖ' | 'ㅟ');
    match s.onset {
        'ㄱ' if voiced => "ɡ",
        'ㄷ' if voiced => "d",
        'ㅂ' if voiced => "b",
        'ㅈ' if voiced => "ʥ",
        'ㄱ' | 'ㄲ' => "k",
        'ㄷ' | 'ㄸ' => "t",
        'ㅂ' | 'ㅃ' => "p",
        'ㅈ' | 'ㅉ' => "ʨ",
        'ㅅ' | 'ㅆ' if palatal => "ɕ",
        'ㅅ' | 'ㅆ' => "s",
        'ㅋ' => "kʰ",
        'ㅌ' => "tʰ",
        'ㅍ' => "pʰ",
        'ㅊ' => "ʨʰ",
        'ㄴ' => "n",
        'ㅁ' => "m",
        'ㅎ' => "h",
        'ㄹ' if before.is_some_and(|b| b.coda == 'ㄹ') => "l",
        'ㄹ' => "ɾ",
        _ => "",
    }
}

fn vowel(vowel: char) -> &'static str {
    match vowel {
        'ㅏ' => "a",
        'ㅐ' => "ɛ",
        'ㅑ' => "ja",
        'ㅒ' => "jɛ",
        'ㅓ' => "ʌ",
        'ㅔ' => "e",
        'ㅕ' => "jʌ",
        'ㅖ' => "je",
        'ㅗ' => "o",
        'ㅘ' => "wa",
        'ㅙ' => "wɛ",
        'ㅚ' | 'ㅞ' => "we",
        'ㅛ' => "jo",
        'ㅜ' => "u",
        'ㅝ' => "wʌ",
        'ㅟ' => "wi",
        'ㅠ' => "ju",
        'ㅡ' => "ɯ",
        'ㅢ' => "ɯi",
        'ㅣ' => "i",
        _ => "",
    }
}

/// A final l alone is heard as a vowel (말씀 as 마을씀); the flap is not.
fn coda(coda: char, after: Option<&Syllable>) -> &'static str {
    match coda {
        'ㄱ' => "k",
        'ㄴ' => "n",
        'ㄷ' => "t",
        'ㄹ' if after.is_some_and(|a| a.onset == 'ㄹ') => "l",
        'ㄹ' => "ɾ",
        'ㅁ' => "m",
        'ㅂ' => "p",
        'ㅇ' => "ŋ",
        _ => "",
    }
}
