//! Recognising answers that are nothing but set phrases.
//!
//! Promises certainty over coverage: an answer matches only if every letter of it belongs to a listed phrase, so that
//! one word of content is enough to have it judged.

use crate::injection::fold;

/// Hesitations, as whole words.
const FILLERS: &[&str] = &[
    "음", "으음", "어", "어어", "아", "그", "저", "뭐", "네", "예", "막", "이제", "그냥", "저기", "에", "흠", "um", "uh", "uhm", "umm",
    "er", "erm", "hmm", "ah", "oh", "well", "so", "like", "okay", "ok",
];

const REFUSALS: &[&str] = &[
    "모르겠습니다",
    "모르겠어요",
    "모르겠네요",
    "모릅니다",
    "몰라요",
    "답변하고싶지않습니다",
    "답변드리고싶지않습니다",
    "대답하고싶지않습니다",
    "말하고싶지않습니다",
    "말씀드리고싶지않습니다",
    "답변하지않겠습니다",
    "답변드리지않겠습니다",
    "대답하지않겠습니다",
    "답변을하지않겠습니다",
    "답변드리기어렵습니다",
    "답변하기어렵습니다",
    "말씀드리기어렵습니다",
    "답변을거부하겠습니다",
    "거절하겠습니다",
    "패스하겠습니다",
    "패스할게요",
    "넘어가겠습니다",
    "넘어가도될까요",
    "넘어가주세요",
    "생각이안납니다",
    "생각이나지않습니다",
    "기억이나지않습니다",
    "할말이없습니다",
    "드릴말씀이없습니다",
    "idontknow",
    "idonotknow",
    "ihavenoidea",
    "noidea",
    "noideaatall",
    "iwouldrathernotanswer",
    "idrathernotanswer",
    "iwouldrathernotsay",
    "idrathernotsay",
    "iprefernottoanswer",
    "idonotwanttoanswer",
    "idontwanttoanswer",
    "icantanswer",
    "icannotanswer",
    "icantanswerthat",
    "nocomment",
    "iwillskip",
    "illskip",
    "letsskip",
    "canweskip",
    "pass",
    "skip",
    "nothingtosay",
    "ihavenothingtosay",
    "icantremember",
    "idontremember",
];

const REFUSAL_COMPANY: &[&str] = &[
    "죄송합니다",
    "죄송하지만",
    "죄송한데",
    "죄송한데요",
    "죄송해요",
    "미안합니다",
    "잘",
    "전혀",
    "정말",
    "진짜",
    "솔직히",
    "지금은",
    "그부분은",
    "부분은",
    "부분에대해서는",
    "질문은",
    "질문에는",
    "질문에",
    "질문에대해서는",
    "그부분에대해서는",
    "그질문은",
    "그질문에는",
    "그질문에",
    "그질문에대해서는",
    "이질문은",
    "이질문에는",
    "이부분은",
    "그건",
    "그것은",
    "그거는",
    "저는",
    "제가",
    "답변은",
    "답변을",
    "감사합니다",
    "다음질문",
    "으로",
    "sorry",
    "imsorry",
    "iamsorry",
    "but",
    "that",
    "this",
    "it",
    "thatquestion",
    "thisquestion",
    "thequestion",
    "toanswer",
    "honestly",
    "really",
    "ithink",
    "i",
    "thankyou",
    "please",
    "about",
    "nextquestion",
    "the",
    "one",
];

/// What recognisers write when they hear noise or silence; learnt from subtitles.
const HALLUCINATIONS: &[&str] = &[
    "시청해주셔서감사합니다",
    "시청해주셔서고맙습니다",
    "끝까지시청해주셔서감사합니다",
    "구독과좋아요부탁드립니다",
    "구독과좋아요알림설정부탁드립니다",
    "구독좋아요부탁드립니다",
    "좋아요와구독부탁드립니다",
    "다음영상에서만나요",
    "다음영상에서뵙겠습니다",
    "다음시간에만나요",
    "한글자막by",
    "자막제공",
    "영상편집및자막",
    "지금까지뉴스였습니다",
    "thankyouforwatching",
    "thanksforwatching",
    "pleasesubscribe",
    "pleasesubscribetomychannel",
    "likeandsubscribe",
    "dontforgettosubscribe",
    "seeyouinthenextvideo",
    "seeyounexttime",
    "subtitlesby",
];
const HALLUCINATION_COMPANY: &[&str] =
    &["감사합니다", "여러분", "안녕하세요", "그럼", "오늘도", "thankyou", "and", "bye", "byebye", "hello", "everyone"];

/// Words of the answer that are no hesitation.
pub(crate) fn content_words(answer: &str) -> Vec<String> {
    let words = answer.split(|character: char| !character.is_alphanumeric() && character != '\'').map(fold);
    words.filter(|word| !word.is_empty() && !FILLERS.contains(&word.as_str())).collect()
}

/// Nothing but declining to answer.
pub(crate) fn is_refusal(words: &[String]) -> bool {
    covered(&words.concat(), REFUSALS, REFUSAL_COMPANY)
}

/// Nothing but what recognisers invent.
pub(crate) fn is_hallucination(words: &[String]) -> bool {
    covered(&words.concat(), HALLUCINATIONS, HALLUCINATION_COMPANY)
}

/// Whether `text` can be cut into phrases of the two lists, with at least one of `core`.
fn covered(text: &str, core: &[&str], company: &[&str]) -> bool {
    // reach[at]: how `text[..at]` can be cut; `Some(true)` with a core phrase.
    let mut reach: Vec<Option<bool>> = vec![None; text.len() + 1];
    reach[0] = Some(false);
    for at in 0..text.len() {
        let Some(has_core) = reach[at] else { continue };
        for (phrases, is_core) in [(core, true), (company, false)] {
            for phrase in phrases.iter().filter(|phrase| text[at..].starts_with(**phrase)) {
                let end = &mut reach[at + phrase.len()];
                *end = Some(end.unwrap_or(false) || has_core || is_core);
            }
        }
    }
    reach[text.len()] == Some(true)
}
