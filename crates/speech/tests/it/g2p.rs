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
