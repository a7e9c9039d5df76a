//! What two neighbouring syllables do to each other: chapters 4 to 6 of the Standard Pronunciation rules (표준 발음법).

use super::super::hangul::{NO_CODA, SILENT, Syllable};
use super::letters::{aspirated, nasal, neutral, split, tense};

/// What stands between two syllables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seam {
    /// Nothing: they are in one word.
    Inside,
    /// A space that is not heard: a numeral and its counter.
    Close,
    /// A space between words of one phrase.
    Phrase,
}

/// Changes the final of `left` and the onset of `right` to what is said.
///
/// The seams of a phrase must be joined from the left, each once.
pub(super) fn join(left: &mut Syllable, right: &mut Syllable, seam: Seam) {
    if left.coda == NO_CODA {
        return;
    }
    match right.onset {
        SILENT => before_vowel(left, right, seam),
        'ㅎ' => before_h(left, right, seam),
        _ if matches!(left.coda, 'ㅎ' | 'ㄶ' | 'ㅀ') => after_h(left, right),
        _ => before_consonant(left, right, seam),
    }
    // Article 5, exception 1, for the ㅈ and ㅊ that the rules made: 붙여 is said 부처.
    if matches!((right.onset, right.vowel), ('ㅈ' | 'ㅊ', 'ㅕ')) {
        right.vowel = 'ㅓ';
    }
}

/// The final of a syllable that nothing follows (articles 8 to 11).
pub(super) fn close(last: &mut Syllable) {
    last.coda = neutral(last.coda);
}

/// Articles 12.4 and 13 to 17: the final moves on.
fn before_vowel(left: &mut Syllable, right: &mut Syllable, seam: Seam) {
    if left.coda == 'ㅇ' {
        return;
    }
    if seam == Seam::Phrase {
        let coda = neutral(left.coda);
        let inserts_n = matches!(right.vowel, 'ㅣ' | 'ㅑ' | 'ㅕ' | 'ㅛ' | 'ㅠ' | 'ㅒ' | 'ㅖ');
        // Article 15: before a word the final is neutralised first. Sonorants are heard the same either side of the space.
        if nasal(coda).is_some() && !inserts_n {
            (left.coda, right.onset) = (NO_CODA, coda);
        } else {
            left.coda = coda;
        }
        return;
    }
    let (stays, moves) = match left.coda {
        'ㅎ' => (NO_CODA, SILENT),
        'ㄶ' => (NO_CODA, 'ㄴ'),
        'ㅀ' => (NO_CODA, 'ㄹ'),
        coda => split(coda),
    };
    let palatal = seam == Seam::Inside && matches!(right.vowel, 'ㅣ' | 'ㅕ');
    right.onset = match moves {
        'ㄷ' if palatal => 'ㅈ',
        'ㅌ' if palatal => 'ㅊ',
        other => other,
    };
    left.coda = stays;
}

/// Article 12.1, notes 1 and 2: a stop and ㅎ become one aspirate.
fn before_h(left: &mut Syllable, right: &mut Syllable, seam: Seam) {
    let (stays, stop) = match left.coda {
        'ㄺ' => ('ㄹ', 'ㄱ'),
        'ㄼ' => ('ㄹ', 'ㅂ'),
        'ㄵ' => ('ㄴ', 'ㅈ'),
        'ㅈ' if seam == Seam::Inside && matches!(right.vowel, 'ㅣ' | 'ㅕ') => (NO_CODA, 'ㅈ'),
        coda => (NO_CODA, neutral(coda)),
    };
    let Some(mut aspirate) = aspirated(stop) else {
        left.coda = neutral(left.coda);
        return;
    };
    // Article 17, note: 굳히다 is said 구치다, with the suffix only: 맏형 is 마텽.
    let suffix = matches!((right.vowel, right.coda), ('ㅣ', _) | ('ㅕ', NO_CODA | 'ㅆ'));
    if aspirate == 'ㅌ' && seam == Seam::Inside && matches!(left.coda, 'ㄷ' | 'ㅌ') && suffix {
        aspirate = 'ㅊ';
    }
    left.coda = if seam == Seam::Phrase && stays != NO_CODA { NO_CODA } else { stays };
    right.onset = aspirate;
}

/// Article 12.1 to 12.3: a final ㅎ before a consonant.
fn after_h(left: &mut Syllable, right: &mut Syllable) {
    let rest = match left.coda {
        'ㄶ' => 'ㄴ',
        'ㅀ' => 'ㄹ',
        _ => NO_CODA,
    };
    left.coda = rest;
    match right.onset {
        'ㅅ' => right.onset = 'ㅆ',
        'ㄴ' if rest == 'ㄹ' => right.onset = 'ㄹ',
        'ㄴ' | 'ㅁ' | 'ㄹ' if rest == NO_CODA => left.coda = 'ㄴ',
        onset => match aspirated(onset) {
            Some(aspirate) => right.onset = aspirate,
            None if rest == NO_CODA => left.coda = 'ㄷ',
            None => {}
        },
    }
}

/// Articles 9 to 11, 18 to 20 and 23 to 25.
fn before_consonant(left: &mut Syllable, right: &mut Syllable, seam: Seam) {
    let written = left.coda;
    let said = spoken_final(left, right.onset);
    left.coda = said;
    if let Some(nasal) = nasal(said) {
        match right.onset {
            'ㄴ' | 'ㅁ' => left.coda = nasal,
            'ㄹ' if seam != Seam::Phrase => (left.coda, right.onset) = (nasal, 'ㄴ'),
            onset => right.onset = tense(onset).unwrap_or(onset),
        }
        return;
    }
    let stem_tenses = matches!(written, 'ㄵ' | 'ㄻ' | 'ㄼ' | 'ㄾ' | 'ㄺ' | 'ㄽ' | 'ㄿ') && !is_noun(*left, written);
    if stem_tenses && right.onset != 'ㅂ' {
        right.onset = tense(right.onset).unwrap_or(right.onset);
    }
    if seam == Seam::Phrase {
        return;
    }
    match (said, right.onset) {
        ('ㅁ' | 'ㅇ', 'ㄹ') => right.onset = 'ㄴ',
        ('ㄴ', 'ㄹ') => left.coda = 'ㄹ',
        ('ㄹ', 'ㄴ') => right.onset = 'ㄹ',
        _ => {}
    }
}

/// Articles 9 to 11 with their exceptions: 밟- is said 밥-, and the ㄺ of a verb keeps its ㄹ before ㄱ.
fn spoken_final(left: &Syllable, next: char) -> char {
    match (left.coda, left.onset, left.vowel) {
        ('ㄼ', 'ㅂ', 'ㅏ') => 'ㅂ',
        ('ㄺ', ..) if next == 'ㄱ' && !is_noun(*left, 'ㄺ') => 'ㄹ',
        (coda, ..) => neutral(coda),
    }
}

/// Whether a syllable with a cluster is a noun (닭, 흙, 칡, 삶, 앎, 여덟...), which verbs' rules leave alone.
fn is_noun(syllable: Syllable, coda: char) -> bool {
    let spelt = Syllable { coda, ..syllable }.compose();
    matches!(spelt, Some('닭' | '흙' | '칡' | '슭' | '삵' | '삶' | '앎' | '덟' | '돐' | '곬'))
}
