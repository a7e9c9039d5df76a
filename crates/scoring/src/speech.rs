//! Facts about how an answer was said. Nothing here enters a score: pace and hesitation say nothing about what somebody knows,
//! and much about accents, nerves and speech impairments.

use std::collections::BTreeMap;

use viva_core::evaluation::SpeechFacts;

use crate::Language;

/// Korean hesitations that mean nothing else as words of their own. `그`, `저`, `이제`, `막` do: they are not counted.
const KOREAN: &[&str] = &["음", "으음", "어", "어어", "에", "흠", "뭐", "뭐랄까", "저기", "그니까", "그러니까", "약간", "인제"];
const ENGLISH: &[&str] = &["um", "umm", "uh", "uhm", "er", "erm", "hmm", "ah"];

/// What can be counted in `text`, said in `seconds` if somebody knows.
pub(crate) fn facts(text: &str, language: Language, seconds: Option<f64>) -> SpeechFacts {
    let list = language.pick(KOREAN, ENGLISH);
    let mut fillers = BTreeMap::new();
    for word in text.split(|character: char| !character.is_alphanumeric()).map(str::to_lowercase) {
        if list.contains(&word.as_str()) {
            *fillers.entry(word).or_insert(0) += 1;
        }
    }
    let characters = text.chars().filter(|character| character.is_alphanumeric()).count();
    let pace = seconds.filter(|seconds| *seconds > 0.0).map(|seconds| (characters as f64 / seconds * 10.0).round() / 10.0);
    SpeechFacts { characters, words: text.split_whitespace().count(), fillers, seconds, characters_per_second: pace }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hesitations_are_counted_as_whole_words_only() {
        let found = facts("음 저는 어 음악을 어떻게 뭐 좋아합니다 음", Language::Ko, Some(4.0));
        assert_eq!(found.fillers.into_iter().collect::<Vec<_>>(), [("뭐".to_owned(), 1), ("어".to_owned(), 1), ("음".to_owned(), 2)]);
        // 음저는어음악을어떻게뭐좋아합니다음: 17 letters.
        assert_eq!((found.characters, found.words, found.characters_per_second), (17, 8, Some(4.3)));
        let found = facts("Um, well, the umbrella, uh, uh", Language::En, None);
        assert_eq!((found.fillers.values().sum::<usize>(), found.characters_per_second), (3, None));
    }
}
