//! Hangul syllables taken apart into letters and put together again (Unicode chapter 3.12, in compatibility letters).

const BASE: u32 = 0xAC00;
const ONSETS: [char; 19] =
    ['ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ'];
const VOWELS: [char; 21] =
    ['ㅏ', 'ㅐ', 'ㅑ', 'ㅒ', 'ㅓ', 'ㅔ', 'ㅕ', 'ㅖ', 'ㅗ', 'ㅘ', 'ㅙ', 'ㅚ', 'ㅛ', 'ㅜ', 'ㅝ', 'ㅞ', 'ㅟ', 'ㅠ', 'ㅡ', 'ㅢ', 'ㅣ'];
const CODAS: [char; 28] = [
    NO_CODA, 'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ', 'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ',
    'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

/// Stands where a syllable has no final consonant.
pub(super) const NO_CODA: char = '-';
/// The letter of an empty onset.
pub(super) const SILENT: char = 'ㅇ';

/// One syllable in letters. `onset` is [`SILENT`] and `coda` [`NO_CODA`] where there is no sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Syllable {
    pub(super) onset: char,
    pub(super) vowel: char,
    pub(super) coda: char,
}

impl Syllable {
    /// The letters of a precomposed syllable; nothing for any other character.
    pub(super) fn of(c: char) -> Option<Self> {
        let index = u32::from(c).checked_sub(BASE).filter(|i| *i < 11_172)? as usize;
        Some(Self { onset: ONSETS[index / 588], vowel: VOWELS[index % 588 / 28], coda: CODAS[index % 28] })
    }

    /// The precomposed syllable. Letters that cannot stand in their place give nothing.
    pub(super) fn compose(self) -> Option<char> {
        let place = |letters: &[char], letter| letters.iter().position(|l| *l == letter);
        let index = (place(&ONSETS, self.onset)? * 21 + place(&VOWELS, self.vowel)?) * 28 + place(&CODAS, self.coda)?;
        char::from_u32(BASE + index as u32)
    }
}

/// Whether a character is a precomposed syllable.
pub(super) fn is_syllable(c: char) -> bool {
    ('가'..='힣').contains(&c)
}

/// The final consonant of a character, if it is a syllable that has one.
pub(super) fn coda(c: char) -> Option<char> {
    Syllable::of(c).map(|s| s.coda).filter(|c| *c != NO_CODA)
}

/// A syllable from its letters, for the transliteration of foreign sounds.
pub(super) fn syllable(onset: char, vowel: char, coda: char) -> Option<char> {
    Syllable { onset, vowel, coda }.compose()
}
