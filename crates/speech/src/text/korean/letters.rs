//! What happens to single consonants: the tables behind the rules.

use super::super::hangul::NO_CODA;

/// The sound of a final consonant before a pause or a consonant (articles 8 to 11).
pub(super) fn neutral(coda: char) -> char {
    match coda {
        'ㄲ' | 'ㅋ' | 'ㄳ' | 'ㄺ' => 'ㄱ',
        'ㅅ' | 'ㅆ' | 'ㅈ' | 'ㅊ' | 'ㅌ' | 'ㅎ' => 'ㄷ',
        'ㅍ' | 'ㅄ' | 'ㄿ' => 'ㅂ',
        'ㄵ' | 'ㄶ' => 'ㄴ',
        'ㄼ' | 'ㄽ' | 'ㄾ' | 'ㅀ' => 'ㄹ',
        'ㄻ' => 'ㅁ',
        other => other,
    }
}

/// A final as (what stays, what moves on to a following vowel) (articles 13 and 14).
/// The second letter ㅅ of a cluster moves on as ㅆ.
pub(super) fn split(coda: char) -> (char, char) {
    match coda {
        'ㄳ' => ('ㄱ', 'ㅆ'),
        'ㄵ' => ('ㄴ', 'ㅈ'),
        'ㄺ' => ('ㄹ', 'ㄱ'),
        'ㄻ' => ('ㄹ', 'ㅁ'),
        'ㄼ' => ('ㄹ', 'ㅂ'),
        'ㄽ' => ('ㄹ', 'ㅆ'),
        'ㄾ' => ('ㄹ', 'ㅌ'),
        'ㄿ' => ('ㄹ', 'ㅍ'),
        'ㅄ' => ('ㅂ', 'ㅆ'),
        single => (NO_CODA, single),
    }
}

/// The tense partner of a plain consonant.
pub(super) fn tense(onset: char) -> Option<char> {
    Some(match onset {
        'ㄱ' => 'ㄲ',
        'ㄷ' => 'ㄸ',
        'ㅂ' => 'ㅃ',
        'ㅅ' => 'ㅆ',
        'ㅈ' => 'ㅉ',
        _ => return None,
    })
}

/// The aspirated partner of a plain stop.
pub(super) fn aspirated(stop: char) -> Option<char> {
    Some(match stop {
        'ㄱ' => 'ㅋ',
        'ㄷ' => 'ㅌ',
        'ㅂ' => 'ㅍ',
        'ㅈ' => 'ㅊ',
        _ => return None,
    })
}

/// The nasal at the place of a stop (article 18).
pub(super) fn nasal(stop: char) -> Option<char> {
    Some(match stop {
        'ㄱ' => 'ㅇ',
        'ㄷ' => 'ㄴ',
        'ㅂ' => 'ㅁ',
        _ => return None,
    })
}
