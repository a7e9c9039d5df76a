//! Sounds to the alphabet of the voice model. The model was not trained on Korean: the choices here are those that a recogniser understands best.

use super::super::hangul::{NO_CODA, Syllable};
use super::Sound;

/// The symbols of a sequence of sounds. Characters that are no syllable are kept as they are.
pub(in super::super) fn write(sounds: &[Sound]) -> String {
    let mut symbols = String::new();
    let mut previous = None;
    for sound in sounds {
        match sound {
            Sound::Syllable(s) => {
                symbols.push_str(onset(s, previous));
                symbols.push_str(vowel(s.vowel));
                symbols.push_str(coda(s.coda));
                previous = Some(s.coda);
            }
            Sound::Other(c) => {
                symbols.push(*c);
                previous = None;
            }
        }
    }
    symbols
}

/// `previous` is the final of the syllable before, in the same word. Plain stops are voiced between voiced sounds.
fn onset(s: &Syllable, previous: Option<char>) -> &'static str {
    let voiced = matches!(previous, Some(NO_CODA | 'ㄴ' | 'ㄹ' | 'ㅁ' | 'ㅇ'));
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
        'ㄹ' if previous == Some('ㄹ') => "l",
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

fn coda(coda: char) -> &'static str {
    match coda {
        'ㄱ' => "k",
        'ㄴ' => "n",
        'ㄷ' => "t",
        'ㄹ' => "l",
        'ㅁ' => "m",
        'ㅂ' => "p",
        'ㅇ' => "ŋ",
        _ => "",
    }
}
