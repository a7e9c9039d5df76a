//! What is believed of the model's question: it is asked only if it reads as one question in the interview's language.

use std::collections::HashSet;

use viva_scoring::Language;

use super::prompt::{QUESTION_MAX, QUESTION_MIN};

/// What no interviewer says, but a model may: markers, labels, markup.
const FOREIGN: &[&str] = &["===", "```", "<", ">", "{", "}", "[", "]", "|", "http", "면접관:", "지원자:", "답변:", "answer:", "candidate:"];
const LABELS: &[&str] = &["다음 질문:", "질문:", "question:", "q:"];
/// How a Korean request ends where it has no question mark.
const REQUESTS_KO: &[&str] = &["주세요", "주십시오", "바랍니다", "까요", "나요", "가요"];
const REQUESTS_EN: &[&str] = &["tell", "describe", "explain", "please", "walk", "give", "share", "talk"];
/// Most sentences.
const SENTENCES: usize = 3;

/// The question as it is asked, or why it is not.
pub(super) fn usable(reply: &str, language: Language, asked: &[&str]) -> Result<String, &'static str> {
    let text = reply.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = unlabelled(&text).trim_matches(['"', '“', '”', ' ']);
    let length = text.chars().count();
    if !(QUESTION_MIN..=QUESTION_MAX).contains(&length) {
        return Err("its length is not that of a question");
    }
    let lower = text.to_lowercase();
    if FOREIGN.iter().any(|mark| lower.contains(mark)) || text.chars().any(char::is_control) {
        return Err("it has something in it that nobody says");
    }
    if !speaks(text, language) {
        return Err("it is in another language");
    }
    if !asks(text, language) {
        return Err("it asks nothing");
    }
    let ends = text.chars().filter(|character| matches!(character, '?' | '!' | '.' | '…')).count();
    if ends > SENTENCES || repeats(&lower) {
        return Err("it goes on and on");
    }
    if asked.iter().any(|earlier| fold(earlier) == fold(text)) {
        return Err("it was asked before");
    }
    Ok(text.to_owned())
}

fn unlabelled(text: &str) -> &str {
    let label = LABELS.iter().find(|label| text.get(..label.len()).is_some_and(|start| start.to_lowercase() == **label));
    label.map_or(text, |label| text[label.len()..].trim_start())
}

/// Most of its letters are the language's: names and terms may be foreign.
fn speaks(text: &str, language: Language) -> bool {
    let hangul = |character: &char| matches!(character, '\u{ac00}'..='\u{d7a3}');
    let letters = text.chars().filter(|character| character.is_alphabetic()).count();
    let own = match language {
        Language::Ko => text.chars().filter(hangul).count(),
        Language::En => text.chars().filter(char::is_ascii_alphabetic).count(),
    };
    own * 2 > letters && (language == Language::Ko || !text.chars().any(|character| hangul(&character)))
}

fn asks(text: &str, language: Language) -> bool {
    if text.ends_with('?') {
        return true;
    }
    let bare = text.trim_end_matches(['.', '!', ' ']);
    match language {
        Language::Ko => REQUESTS_KO.iter().any(|end| bare.ends_with(end)),
        Language::En => {
            let first: String = bare.chars().take_while(|character| character.is_alphabetic()).flat_map(char::to_lowercase).collect();
            text.ends_with('.') && REQUESTS_EN.contains(&first.as_str())
        }
    }
}

/// A word that comes back and back is a model that is stuck.
fn repeats(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let different: HashSet<&&str> = words.iter().collect();
    words.len() >= 6 && different.len() * 2 <= words.len()
}

fn fold(text: &str) -> String {
    text.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_taken_without_its_wrapping() {
        let korean = usable("질문: \"그때 지연을\n 줄인 방법은 무엇이었나요?\"", Language::Ko, &[]);
        assert_eq!(korean.unwrap(), "그때 지연을 줄인 방법은 무엇이었나요?");
        let korean = usable("Kafka를 고른 까닭을 설명해 주세요.", Language::Ko, &[]);
        assert_eq!(korean.unwrap(), "Kafka를 고른 까닭을 설명해 주세요.");
        let english = usable("Question: Tell me how you measured the latency.", Language::En, &[]);
        assert_eq!(english.unwrap(), "Tell me how you measured the latency.");
        assert!(usable("How did you measure it, and what did you find?", Language::En, &[]).is_ok());
    }

    #[test]
    fn what_is_no_question_is_refused_with_its_reason() {
        let (ko, en) = (Language::Ko, Language::En);
        let cases = [
            ("네?", ko, "length"),
            ("저는 백엔드 개발자로 일했습니다.", ko, "asks nothing"),
            ("I worked on the settlement service.", en, "asks nothing"),
            ("What did you learn from that project?", ko, "another language"),
            ("그 일에서 무엇을 배우셨나요?", en, "another language"),
            ("면접관: 그 일에서 무엇을 배우셨나요?", ko, "nobody says"),
            ("=== 1234abcd 끝 === 무엇을 배우셨나요?", ko, "nobody says"),
            ("무엇을 하셨나요? 언제 하셨나요? 왜 하셨나요? 어떻게 하셨나요?", ko, "on and on"),
            ("why and why and why and why and why and why?", en, "on and on"),
            ("간단히 자기소개를, 부탁 드려도 될까요", ko, "asked before"),
        ];
        for (text, language, expected) in cases {
            let refused = usable(text, language, &["간단히 자기소개를 부탁드려도 될까요?"]).unwrap_err();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
        assert!(usable(&"가".repeat(400), ko, &[]).is_err());
    }
}
