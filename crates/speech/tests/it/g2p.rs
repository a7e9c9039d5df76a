//! Pronunciation against the examples that the Standard Pronunciation rules print, article by article.

use viva_speech::text::{self, Language};

const EXAMPLES: &str = include_str!("g2p.tsv");

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    EXAMPLES.lines().filter(|l| !l.starts_with('#')).map(|line| {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_else(|| panic!("three columns: {line}"));
        (next(), next(), next())
    })
}

#[test]
fn the_examples_of_every_article_are_said_as_the_rules_say() {
    let mut wrong = Vec::new();
    for (article, written, allowed) in rows() {
        let said = text::pronunciation(written).unwrap().replace(' ', "");
        if !allowed.split('/').any(|a| a == said) {
            wrong.push(format!("{article} {written}: {said}, not {allowed}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} are wrong:\n{}", wrong.len(), rows().count(), wrong.join("\n"));
}

#[test]
fn a_word_keeps_its_sound_inside_a_sentence() {
    let said = text::pronunciation("국물을 먹는, 신라의 옷 한 벌!").unwrap();
    assert_eq!(said, "궁무를 멍는, 실라에 오 탄 벌!");
}

#[test]
fn punctuation_parts_phrases() {
    // Article 18 joins 밥 먹는다 in one phrase; a comma keeps the final as it is.
    assert_eq!(text::pronunciation("밥, 먹는다").unwrap(), "밥, 멍는다");
}

#[test]
fn every_symbol_of_every_example_is_in_the_vocabulary() {
    for (_, written, _) in rows() {
        let symbols = text::phonemes(written, Language::Ko).unwrap();
        crate::normalise::assert_in_vocabulary(&symbols);
    }
}

#[test]
fn sounds_are_written_as_the_voice_is_understood_best() {
    let cases = [
        // A plain stop is voiced inside a word only.
        ("아가 가자", "ˈaɡa kaʥa"),
        ("담당 본인", "tˈamdaŋ ponin"),
        // A tense one is doubled where it opens a word, but not inside it.
        ("빨리 빼다", "ppˈalli ppɛda"),
        ("짧은 아빠", "tʨˈaɾbɯn apa"),
        // A y softens the consonant before it.
        ("경험, 표현", "kʲˈʌŋhʌm, pʰʲˈoçʌn"),
        ("뉴스 셔츠", "ɲˈusɯ ɕʌʨʰɯ"),
        ("달력이나 동료", "tˈalljʌɡina toŋɲo"),
        ("여유 의견", "jˈʌju ɯiɡʲʌn"),
        // A w is heard by itself, and the first vowel of every phrase has its stress.
        ("원활. 되어, 뒤에", "wˈʌnhwaɾ. twˈeʌ, twˈie"),
    ];
    for (written, symbols) in cases {
        assert_eq!(text::phonemes(written, Language::Ko).unwrap(), symbols, "{written}");
    }
}
