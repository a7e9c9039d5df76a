//! What is written and how it is said, and what is refused.

use viva_speech::text::{self, Error, Language};

const KOREAN: &str = include_str!("normalise.tsv");
const ENGLISH: &str = include_str!("normalise_en.tsv");
const ENGLISH_WORDS: &str = include_str!("english.tsv");
const LOANWORD_ORTHOGRAPHY: &str = include_str!("transliterate.tsv");
/// The symbols of the model's vocab.json, in its order.
const SYMBOLS: &str = include_str!("symbols.txt");

/// Fails on the first symbol that the model has no number for.
pub(crate) fn assert_in_vocabulary(symbols: &str) {
    let known = SYMBOLS.trim_end_matches('\n');
    let unknown = symbols.chars().find(|c| !known.contains(*c));
    assert_eq!(unknown, None, "in {symbols:?}");
}

fn assert_table(table: &str, language: Language) {
    let mut wrong = Vec::new();
    for line in table.lines().filter(|l| !l.starts_with('#')) {
        let mut columns = line.split('\t');
        let (written, expected) = (columns.next().unwrap().replace("\\n", "\n"), columns.next().unwrap());
        let said = text::normalise_in(&written, language).unwrap();
        if said != expected {
            wrong.push(format!("{written}: {said}, not {expected}"));
        }
        assert_in_vocabulary(&text::phonemes(&written, language).unwrap());
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn korean_is_written_out_as_it_is_said() {
    assert_table(KOREAN, Language::Ko);
}

#[test]
fn english_is_written_out_as_it_is_said() {
    assert_table(ENGLISH, Language::En);
}

#[test]
fn english_words_are_said_as_the_voice_learnt_them() {
    for line in ENGLISH_WORDS.lines().filter(|l| !l.starts_with('#')) {
        let (word, symbols) = line.split_once('\t').unwrap();
        assert_eq!(text::phonemes(word, Language::En).unwrap(), symbols, "{word}");
    }
}

#[test]
fn every_english_word_gives_symbols_even_an_unknown_one() {
    assert_eq!(text::phonemes("the answer, the question, an API.", Language::En).unwrap(), "ði ˈænsəɹ, ðə kwˈɛsʧən, ɐn ˈA pˈi I.");
    for word in ["blorptastic", "xyzzy", "Zoë", "rhythm's", "strč", "o'clock", "microservices"] {
        let symbols = text::phonemes(word, Language::En).unwrap();
        assert_in_vocabulary(&symbols);
        assert!(symbols.chars().count() >= 3, "{word}: {symbols}");
    }
}

#[test]
fn unknown_english_words_follow_the_loanword_orthography() {
    let mut wrong = Vec::new();
    for line in LOANWORD_ORTHOGRAPHY.lines().filter(|l| !l.starts_with('#')) {
        let columns: Vec<&str> = line.split('\t').collect();
        let said = text::normalise(columns[1]).unwrap();
        if said != columns[2] {
            wrong.push(format!("{} {}: {said}, not {}", columns[0], columns[1], columns[2]));
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn normalising_twice_changes_nothing() {
    for line in KOREAN.lines().filter(|l| !l.starts_with('#')) {
        let once = text::normalise(line.split('\t').next().unwrap()).unwrap();
        assert_eq!(text::normalise(&once).unwrap(), once);
    }
}

#[test]
fn conjoining_letters_are_read_like_syllables() {
    assert_eq!(text::normalise("\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}어").unwrap(), "한국어");
}

#[test]
fn a_text_without_words_is_refused_with_the_reason() {
    assert_eq!(text::normalise(""), Err(Error::Empty));
    assert_eq!(text::phonemes(" \n\t", Language::En), Err(Error::Empty));
    for emoji in ["😀😀", "👨‍👩‍👧 ✨", "…!?", "\u{200b}"] {
        assert!(matches!(text::normalise(emoji), Err(Error::NothingToSay { .. })), "{emoji:?}");
    }
}

#[test]
fn a_control_character_is_named_with_its_place() {
    let error = text::normalise("안녕\u{7}하세요").unwrap_err();
    assert_eq!(error, Error::ControlCharacters { code: 7, position: 2 });
    assert!(error.to_string().contains("U+0007 at character 2"));
    assert!(text::normalise("한 줄\n두 줄\t끝").is_ok());
}

#[test]
fn the_limit_counts_characters_and_says_both_numbers() {
    assert!(text::normalise(&"가".repeat(text::MAX_CHARS)).is_ok());
    let error = text::phonemes(&"가".repeat(50_000), Language::Ko).unwrap_err();
    assert_eq!(error, Error::TooLong { chars: 50_000, max: 5_000 });
    assert!(error.to_string().contains("50000") && error.to_string().contains("5000"));
}

#[test]
fn a_language_is_read_from_its_tag() {
    assert_eq!("ko-KR".parse(), Ok(Language::Ko));
    assert_eq!("EN".parse(), Ok(Language::En));
    assert!(matches!("jp".parse::<Language>(), Err(Error::UnknownLanguage { .. })));
}

#[test]
fn sentences_end_at_marks_and_lines_but_not_inside_numbers_and_names() {
    let text = "안녕하세요? 2.5배 빨라졌습니다. Node.js를 쓰셨나요!\n다음 질문입니다";
    assert_eq!(text::sentences(text), ["안녕하세요?", "2.5배 빨라졌습니다.", "Node.js를 쓰셨나요!", "다음 질문입니다"]);
    assert_eq!(text::sentences("그는 \"네.\" 하고 말했다."), ["그는 \"네.\"", "하고 말했다."]);
    assert_eq!(text::sentences("e.g. this one. And Dr. Kim."), ["e.g. this one.", "And Dr. Kim."]);
    assert!(text::sentences(" \n ").is_empty());
}

/// A small generator (xorshift), so that a failure is found again.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn character(&mut self) -> char {
        const DENSE: &str = "가갈값닭않의예 0123456789.,:~-/+%$₩ABCabc년월일시분개번째제여만억천'\"()@#\n…½①ㅋ\u{1100}\u{1161}\u{11a8}é";
        let dense: Vec<char> = DENSE.chars().collect();
        match self.next() % 4 {
            0 => char::from_u32((self.next() % 0x11_0000) as u32).unwrap_or('?'),
            1 => char::from_u32(0xAC00 + (self.next() % 11_172) as u32).unwrap_or('?'),
            _ => dense[(self.next() as usize) % dense.len()],
        }
    }
}

#[test]
fn any_text_gives_symbols_of_the_vocabulary_or_an_error() {
    let mut seeded = Seeded(0x5EED_1234_ABCD_0001);
    let mut spoken = 0;
    for _ in 0..4_000 {
        let length = seeded.next() % 40;
        let text: String = (0..length).map(|_| seeded.character()).filter(|c| !c.is_control()).collect();
        for language in [Language::Ko, Language::En] {
            if let Ok(symbols) = text::phonemes(&text, language) {
                assert_in_vocabulary(&symbols);
                spoken += 1;
            }
        }
        assert!(text::sentences(&text).iter().all(|s| text.contains(s)));
    }
    assert!(spoken > 5_000, "most texts have something to say, {spoken} of 8000 had");
}
