//! English sounds in Hangul: the rules for English of the loanword orthography (외래어 표기법, chapter 3, section 1).

use super::letters::VOWELS;
use crate::text::hangul::{NO_CODA, SILENT, syllable};

struct Writer {
    out: Vec<(char, char, char)>,
    /// Whether the last vowel was short, so that a stop may close its syllable (book 북, but make 메이크).
    short: bool,
}

/// Hangul for the symbols of a word. The spelling tells apart what American English merges (job 잡 and block 블록).
pub(super) fn hangul(symbols: &str, spelling: &str) -> String {
    let sounds = spelt_vowels(symbols, spelling);
    let mut writer = Writer { out: Vec::new(), short: false };
    let mut at = 0;
    while at < sounds.len() {
        at +=
            if VOWELS.contains(sounds[at]) { writer.vowel(&sounds, at, SILENT, spelling) } else { writer.consonant(&sounds, at, spelling) };
    }
    writer.out.iter().filter_map(|(o, v, c)| syllable(*o, *v, *c)).collect()
}

/// The sounds without stress. A weak vowel is written as it is spelt where the spelling shows which one it is: i in olive, a in signal.
fn spelt_vowels(symbols: &str, spelling: &str) -> Vec<char> {
    let mut sounds: Vec<char> = symbols.chars().filter(|c| !matches!(c, 'ˈ' | 'ˌ')).collect();
    let is_vowel = |c: char| "aeiouy".contains(c);
    let stem = spelling.strip_suffix('e').filter(|s| !s.ends_with('l')).unwrap_or(spelling);
    let groups: Vec<&str> = stem.split(|c| !is_vowel(c)).filter(|g| !g.is_empty()).collect();
    let places: Vec<usize> = (0..sounds.len()).filter(|i| VOWELS.contains(sounds[*i])).collect();
    if groups.len() == places.len() {
        for (group, at) in groups.iter().zip(places) {
            let before_l = sounds.get(at + 1) == Some(&'l');
            sounds[at] = match sounds[at] {
                'ə' if group.ends_with(['i', 'y']) => 'ɪ',
                'ə' if *group == "e" && spelling.ends_with("ess") && at + 2 == sounds.len() => 'ɪ',
                'ᵊ' if before_l && !spelling.ends_with("le") => 'ə',
                other => other,
            };
        }
    }
    sounds
}

impl Writer {
    fn push(&mut self, onset: char, vowel: char) {
        self.out.push((onset, vowel, NO_CODA));
    }

    /// Closes the last syllable, or gives the consonant a weak vowel of its own.
    fn close(&mut self, coda: char, onset: char, weak: char) {
        match self.out.last_mut() {
            Some(last) if last.2 == NO_CODA && coda != NO_CODA => last.2 = coda,
            _ => self.push(onset, weak),
        }
    }

    /// A vowel with the onset before it; the ɹ after it and the glide it ends in go with it.
    fn vowel(&mut self, sounds: &[char], at: usize, onset: char, spelling: &str) -> usize {
        let next = sounds.get(at + 1).copied();
        let after_next = sounds.get(at + 2).copied();
        let last = next.is_none();
        let (vowel, glide) = match sounds[at] {
            'ɑ' if !spelling.contains('a') => ('ㅗ', None),
            'ɑ' | 'ɐ' => ('ㅏ', None),
            'ə' if last && spelling.ends_with('a') => ('ㅏ', None),
            'æ' => ('ㅐ', None),
            'ɔ' | 'O' => ('ㅗ', None),
            'ɛ' => ('ㅔ', None),
            'ɪ' | 'i' => ('ㅣ', None),
            'ʊ' | 'u' => ('ㅜ', None),
            'ᵊ' => ('ㅡ', None),
            'A' => ('ㅔ', Some('ㅣ')),
            'I' => ('ㅏ', Some('ㅣ')),
            'W' => ('ㅏ', Some('ㅜ')),
            'Y' => ('ㅗ', Some('ㅣ')),
            _ => ('ㅓ', None),
        };
        self.push(onset, vowel);
        if sounds[at] == 'W' && next == Some('ə') {
            // Not 타우어 but 타워.
            self.push(SILENT, 'ㅝ');
            self.short = false;
            return if after_next == Some('ɹ') { 3 } else { 2 };
        }
        if let Some(glide) = glide {
            self.push(SILENT, glide);
        }
        self.short = matches!(sounds[at], 'ɪ' | 'ɛ' | 'æ' | 'ʌ' | 'ʊ' | 'ə' | 'ɑ' | 'ɔ');
        let r = next == Some('ɹ') && after_next.is_none_or(|c| !VOWELS.contains(c));
        if !r {
            return 1;
        }
        self.short = false;
        if matches!(sounds[at], 'ɪ' | 'ɛ' | 'ʊ' | 'i' | 'I' | 'W') {
            self.push(SILENT, 'ㅓ');
        }
        2
    }

    /// A consonant, with the glide and the vowel that follow it.
    fn consonant(&mut self, sounds: &[char], at: usize, spelling: &str) -> usize {
        let c = sounds[at];
        let next = sounds.get(at + 1).copied();
        if matches!(c, 'j' | 'w') {
            return self.glide(sounds, at, SILENT, spelling);
        }
        let onset = onset(c);
        match next {
            Some(v) if VOWELS.contains(v) && c != 'ŋ' => {
                // l between vowels is written twice (color 컬러).
                if let Some(last) = self.out.last_mut().filter(|last| c == 'l' && last.2 == NO_CODA) {
                    last.2 = 'ㄹ';
                }
                let taken = 1 + self.vowel(sounds, at + 1, onset, spelling);
                if matches!(c, 'ʃ') {
                    self.soften(glided(v));
                }
                taken
            }
            Some('j') => 1 + self.glide(sounds, at + 1, onset, spelling),
            Some('w') if matches!(c, 'k' | 'ɡ' | 'h') => 1 + self.glide(sounds, at + 1, onset, spelling),
            _ => {
                self.alone(c, next);
                1
            }
        }
    }

    /// j and w make one syllable with their vowel (yes 예스, quick 퀵).
    fn glide(&mut self, sounds: &[char], at: usize, onset: char, spelling: &str) -> usize {
        let Some(v) = sounds.get(at + 1).filter(|v| VOWELS.contains(**v)) else {
            self.push(onset, if sounds[at] == 'j' { 'ㅣ' } else { 'ㅜ' });
            return 1;
        };
        if sounds[at] == 'j' && *v == 'ə' && matches!(onset, 'ㄴ' | 'ㄹ' | 'ㄷ') {
            self.push(onset, 'ㅣ');
            return 1 + self.vowel(sounds, at + 1, SILENT, spelling);
        }
        let start = self.out.len();
        let taken = 1 + self.vowel(sounds, at + 1, onset, spelling);
        let plain = self.out[start].1;
        self.out[start].1 = if sounds[at] == 'j' { with_y(plain) } else { with_w(plain, *v) };
        taken
    }

    /// ʃ is written with a y: shop 숍, shell 셸.
    fn soften(&mut self, diphthong: bool) {
        let at = self.out.len() - 1 - usize::from(diphthong && self.out.len() > 1);
        self.out[at].1 = with_y(self.out[at].1);
    }

    /// A consonant that no vowel follows.
    fn alone(&mut self, c: char, next: Option<char>) {
        let sonorant_follows = next.is_some_and(|n| matches!(n, 'l' | 'ɹ' | 'm' | 'n'));
        let closes = self.short && !sonorant_follows;
        match c {
            'm' if self.out.last().is_some_and(|last| last.2 == 'ㄹ') => self.out.push(('ㄹ', 'ㅡ', 'ㅁ')),
            'm' => self.close('ㅁ', 'ㅁ', 'ㅡ'),
            'n' => self.close('ㄴ', 'ㄴ', 'ㅡ'),
            'ŋ' => self.close('ㅇ', SILENT, 'ㅡ'),
            'l' => self.close('ㄹ', 'ㄹ', 'ㅡ'),
            'p' if closes => self.close('ㅂ', 'ㅍ', 'ㅡ'),
            't' | 'T' if closes => self.close('ㅅ', 'ㅌ', 'ㅡ'),
            'k' if closes => self.close('ㄱ', 'ㅋ', 'ㅡ'),
            'ʃ' => self.push('ㅅ', if next.is_none() { 'ㅣ' } else { 'ㅠ' }),
            'ʧ' | 'ʤ' | 'ʒ' => self.push(onset(c), 'ㅣ'),
            'ɹ' | 'h' if next.is_none() => {}
            _ => self.push(onset(c), 'ㅡ'),
        }
        self.short = false;
    }
}

fn glided(v: char) -> bool {
    matches!(v, 'A' | 'I' | 'W' | 'Y')
}

fn onset(c: char) -> char {
    match c {
        'p' | 'f' => 'ㅍ',
        'b' | 'v' => 'ㅂ',
        't' | 'T' => 'ㅌ',
        'd' | 'ð' => 'ㄷ',
        'k' => 'ㅋ',
        'ɡ' => 'ㄱ',
        's' | 'θ' | 'ʃ' => 'ㅅ',
        'z' | 'ʒ' | 'ʤ' => 'ㅈ',
        'ʧ' => 'ㅊ',
        'h' => 'ㅎ',
        'm' => 'ㅁ',
        'n' => 'ㄴ',
        'l' | 'ɹ' => 'ㄹ',
        _ => SILENT,
    }
}

fn with_y(vowel: char) -> char {
    match vowel {
        'ㅏ' => 'ㅑ',
        'ㅐ' => 'ㅒ',
        'ㅓ' => 'ㅕ',
        'ㅔ' => 'ㅖ',
        'ㅗ' => 'ㅛ',
        'ㅜ' => 'ㅠ',
        other => other,
    }
}

fn with_w(vowel: char, sound: char) -> char {
    match vowel {
        'ㅏ' => 'ㅘ',
        'ㅐ' => 'ㅙ',
        'ㅓ' => 'ㅝ',
        'ㅔ' => 'ㅞ',
        'ㅣ' => 'ㅟ',
        'ㅗ' if sound == 'ɔ' || sound == 'O' || sound == 'ɑ' => 'ㅝ',
        _ => 'ㅜ',
    }
}
