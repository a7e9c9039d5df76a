//! Sounds to the alphabet of the voice model. The model was not trained on Korean: the choices here are those that a recogniser
//! understands best. docs/speech.md has the numbers, and what was tried without success.

use super::super::hangul::{NO_CODA, Syllable};
use super::Sound;

/// The symbols of a sequence of sounds. Characters that are no syllable are kept as they are.
pub(in super::super) fn write(sounds: &[Sound]) -> String {
    let mut symbols = String::new();
    let mut opens_phrase = true;
    for (at, sound) in sounds.iter().enumerate() {
        match sound {
            Sound::Syllable(s) => {
                let before = at.checked_sub(1).and_then(|i| syllable(&sounds[i]));
                let after = sounds.get(at + 1).and_then(syllable);
                symbols.push_str(onset(s, before));
                symbols.push_str(glide(s, before));
                // The first vowel of a phrase carries its stress (CER -0.03 ± 0.02).
                if std::mem::take(&mut opens_phrase) {
                    symbols.push('ˈ');
                }
                symbols.push_str(nucleus(s.vowel));
                symbols.push_str(coda(s.coda, after));
            }
            Sound::Other(c) => {
                opens_phrase |= *c != ' ';
                symbols.push(*c);
            }
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

/// Plain stops are voiced inside a word only: a voiced stop that opens one is heard as a nasal (본인 as 모닌, 도입 as 노입), CER
/// -0.02 ± 0.02. Tense ones that open a word are doubled, CER -0.05 ± 0.02: else they are heard as plain
/// (빨라 as 발라). Inside it they need not be.
fn onset(s: &Syllable, before: Option<&Syllable>) -> &'static str {
    let voiced = before.is_some_and(|b| matches!(b.coda, NO_CODA | 'ㄴ' | 'ㄹ' | 'ㅁ' | 'ㅇ'));
    let opens_word = before.is_none();
    match s.onset {
        'ㄱ' if voiced => "ɡ",
        'ㄷ' if voiced => "d",
        'ㅂ' if voiced => "b",
        'ㅈ' if voiced => "ʥ",
        'ㄲ' if opens_word => "kk",
        'ㄸ' if opens_word => "tt",
        'ㅃ' if opens_word => "pp",
        'ㅉ' if opens_word => "tʨ",
        'ㄱ' | 'ㄲ' => "k",
        'ㄷ' | 'ㄸ' => "t",
        'ㅂ' | 'ㅃ' => "p",
        'ㅈ' | 'ㅉ' => "ʨ",
        'ㅅ' | 'ㅆ' if s.vowel == 'ㅣ' || s.vowel == 'ㅟ' || starts_with_y(s.vowel) => "ɕ",
        'ㅅ' | 'ㅆ' => "s",
        'ㅋ' => "kʰ",
        'ㅌ' => "tʰ",
        'ㅍ' => "pʰ",
        'ㅊ' => "ʨʰ",
        'ㄴ' if starts_with_y(s.vowel) => "ɲ",
        'ㄴ' => "n",
        'ㅁ' => "m",
        'ㅎ' if starts_with_y(s.vowel) => "ç",
        'ㅎ' => "h",
        'ㄹ' if after_l(before) => "l",
        'ㄹ' => "ɾ",
        _ => "",
    }
}

fn starts_with_y(vowel: char) -> bool {
    matches!(vowel, 'ㅑ' | 'ㅕ' | 'ㅛ' | 'ㅠ' | 'ㅒ' | 'ㅖ')
}

fn after_l(before: Option<&Syllable>) -> bool {
    before.is_some_and(|b| b.coda == 'ㄹ')
}

/// What stands between a consonant and its vowel. A y softens the consonant, as in Japanese, which the voices learnt: CER
/// -0.01 ± 0.02.
fn glide(s: &Syllable, before: Option<&Syllable>) -> &'static str {
    match (s.onset, s.vowel) {
        (_, 'ㅘ' | 'ㅙ' | 'ㅚ' | 'ㅝ' | 'ㅞ' | 'ㅟ') => "w",
        (_, vowel) if !starts_with_y(vowel) => "",
        ('ㄴ' | 'ㅅ' | 'ㅆ' | 'ㅎ', _) => "",
        ('ㄹ', _) if after_l(before) => "j",
        ('ㄱ' | 'ㄲ' | 'ㅋ' | 'ㄷ' | 'ㄸ' | 'ㅌ' | 'ㅂ' | 'ㅃ' | 'ㅍ' | 'ㅁ' | 'ㄹ', _) => "ʲ",
        _ => "j",
    }
}

fn nucleus(vowel: char) -> &'static str {
    match vowel {
        'ㅏ' | 'ㅑ' | 'ㅘ' => "a",
        'ㅐ' | 'ㅒ' | 'ㅙ' => "ɛ",
        'ㅓ' | 'ㅕ' | 'ㅝ' => "ʌ",
        'ㅔ' | 'ㅖ' | 'ㅚ' | 'ㅞ' => "e",
        'ㅗ' | 'ㅛ' => "o",
        'ㅜ' | 'ㅠ' => "u",
        'ㅡ' => "ɯ",
        'ㅢ' => "ɯi",
        'ㅣ' | 'ㅟ' => "i",
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
