//! The vowels that are not said as they are written: article 5 of the Standard Pronunciation rules.

use super::super::hangul::{SILENT, Syllable};

/// Where a syllable stands in its word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It opens the word.
    First,
    /// Something precedes it, and more follows.
    Middle,
    /// It ends a word that it did not open.
    Last,
}

/// Changes the vowel to what is usually said: 가져 → 가저, 시계 → 시게, 희망 → 히망, 주의 → 주이, 우리의 → 우리에.
///
/// Where the rules allow two readings, this is the one of everyday speech.
pub(super) fn speak(syllable: &mut Syllable, place: Place) {
    syllable.vowel = match (syllable.vowel, syllable.onset, place) {
        ('ㅕ', 'ㅈ' | 'ㅉ' | 'ㅊ', _) => 'ㅓ',
        ('ㅖ', onset, _) if !matches!(onset, SILENT | 'ㄹ' | 'ㄴ') => 'ㅔ',
        ('ㅢ', SILENT, Place::First) => 'ㅢ',
        ('ㅢ', SILENT, Place::Last) => 'ㅔ',
        ('ㅢ', ..) => 'ㅣ',
        (vowel, ..) => vowel,
    };
}
