//! Korean spelling to standard pronunciation (표준 발음법, the notice of the Ministry of Culture 2017-13).
//!
//! Owns: the exceptions (data/pronunciation.tsv), the rules between syllables, and what needs a look at the neighbouring word.
//! Promises: every Hangul syllable gives one syllable; all other characters stay where they are.
//! Does not: tell vowel lengths, or analyse words; what spelling alone cannot decide stands in the exceptions or stays as written.

mod context;
mod exceptions;
mod letters;
mod seam;
mod symbols;
mod vowels;

pub(super) use symbols::write;

use super::hangul::{SILENT, Syllable, is_syllable};
use seam::Seam;
use vowels::Place;

/// A syllable as it is said, or a character that no rule touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sound {
    /// A syllable after all rules: its final is one of ㄱㄴㄷㄹㅁㅂㅇ.
    Syllable(Syllable),
    /// Anything else.
    Other(char),
}

/// A normalised text as it is said, sound by sound.
pub(super) fn sounds(text: &str) -> Vec<Sound> {
    let respelt = exceptions::respell(text);
    let mut sounds: Vec<Sound> = respelt.chars().map(|c| Syllable::of(c).map_or(Sound::Other(c), Sound::Syllable)).collect();
    let words = words(&respelt);
    for word in &words {
        speak_vowels(&mut sounds[word.range()]);
    }
    for pair in words.windows(2) {
        let (word, next) = (&pair[0], &pair[1]);
        if word.end + 1 == next.start
            && context::tenses(&word.text, &next.text)
            && let Sound::Syllable(s) = &mut sounds[next.start]
        {
            s.onset = letters::tense(s.onset).unwrap_or(s.onset);
        }
    }
    for i in 0..words.len() {
        let word = &words[i];
        for at in word.start + 1..word.end {
            join(&mut sounds, at - 1, at, Seam::Inside);
        }
        match words.get(i + 1).filter(|next| next.start == word.end + 1) {
            Some(next) => {
                let close = context::counts(&word.text, &next.text);
                let seam = if close { Seam::Close } else { Seam::Phrase };
                if close {
                    tense_counter(&mut sounds, word, next);
                }
                join(&mut sounds, word.end - 1, next.start, seam);
            }
            None => {
                if let Sound::Syllable(last) = &mut sounds[word.end - 1] {
                    seam::close(last);
                }
            }
        }
    }
    sounds
}

/// A run of syllables; a single space between two of them keeps them in one phrase.
struct Word {
    text: String,
    start: usize,
    end: usize,
}

impl Word {
    fn range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}

fn words(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for (at, c) in text.chars().enumerate().filter(|(_, c)| is_syllable(*c)) {
        match words.last_mut().filter(|w| w.end == at) {
            Some(word) => {
                word.text.push(c);
                word.end = at + 1;
            }
            None => words.push(Word { text: c.to_string(), start: at, end: at + 1 }),
        }
    }
    words
}

fn speak_vowels(word: &mut [Sound]) {
    let last = word.len().saturating_sub(1);
    for (i, sound) in word.iter_mut().enumerate() {
        let place = match i {
            0 => Place::First,
            _ if i == last => Place::Last,
            _ => Place::Middle,
        };
        if let Sound::Syllable(s) = sound {
            vowels::speak(s, place);
        }
    }
}

fn join(sounds: &mut [Sound], left: usize, right: usize, seam: Seam) {
    let (before, after) = sounds.split_at_mut(right);
    if let (Sound::Syllable(l), Sound::Syllable(r)) = (&mut before[left], &mut after[0]) {
        seam::join(l, r, seam);
    }
}

/// 일, 칠, 팔 before ㄷㅅㅈ (article 26) and 열, 여덟 before any counter (열 개 → 열깨) make it tense.
fn tense_counter(sounds: &mut [Sound], word: &Word, next: &Word) {
    let sino = word.text.ends_with(['일', '칠', '팔']);
    let native = word.text.ends_with('열') || word.text.ends_with("여덟");
    if let Sound::Syllable(s) = &mut sounds[next.start]
        && (native || (sino && matches!(s.onset, 'ㄷ' | 'ㅅ' | 'ㅈ')))
        && s.onset != SILENT
    {
        s.onset = letters::tense(s.onset).unwrap_or(s.onset);
    }
}

/// The pronunciation of a normalised text in Hangul: 국물 → 궁물. Spaces and punctuation are kept.
pub(super) fn pronunciation(text: &str) -> String {
    let letter = |sound: &Sound| match sound {
        Sound::Syllable(s) => s.compose().unwrap_or('?'),
        Sound::Other(c) => *c,
    };
    sounds(text).iter().map(letter).collect()
}
