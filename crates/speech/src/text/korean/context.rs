//! What the rules need to know about neighbouring words: numerals with counters, and the adnominal ending -(으)ㄹ.

use super::super::hangul::{coda, is_syllable};

/// Nouns and adverbs in ㄹ that stand before a dependent noun without being a verb form.
const NOT_ADNOMINAL: &[&str] = &[
    "오늘",
    "내일",
    "서울",
    "기술",
    "모델",
    "모듈",
    "스킬",
    "레벨",
    "채널",
    "메일",
    "파일",
    "툴",
    "일",
    "말",
    "물",
    "글",
    "길",
    "날",
    "달",
    "돌",
    "별",
    "불",
    "술",
    "해결",
    "역할",
    "품질",
    "현실",
    "사실",
    "진실",
    "교실",
    "시설",
    "건설",
    "연결",
    "채팅툴",
    "개월",
    "쌀",
    "얼굴",
    "마을",
    "가을",
    "겨울",
    "하늘",
    "아들",
    "딸",
    "제일",
    "정말",
    "잘",
    "늘",
    "비율",
    "확률",
    "효율",
    "이틀",
    "터미널",
    "프로토콜",
    "스케줄",
    "튜토리얼",
    "를",
    "을",
];

/// What is said tense after a verb in -(으)ㄹ (article 27), where it opens the next word.
const AFTER_ADNOMINAL: &[&str] = &["것", "거", "게", "걸", "건", "겁", "수", "데", "바", "적", "줄", "지", "곳", "듯"];

/// Nouns that are tense too, but only after an ending that is surely a verb's.
const AFTER_VERB: &[&str] = &[
    "도리",
    "사람",
    "정도",
    "경우",
    "계획",
    "생각",
    "가능성",
    "자신",
    "시간",
    "상황",
    "기회",
    "준비",
    "방법",
    "대상",
    "자리",
    "방침",
    "적에",
];
const VERB_ENDINGS: &str = "할될볼갈올쓸줄둘낼킬릴칠울길질널날";

const NUMERALS: &str = "영공일이삼사오육칠팔구십백천만억조";
const NATIVE: &[&str] = &[
    "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉", "열", "스무", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든",
    "아흔",
];
const COUNTERS: &[&str] = &[
    "년",
    "월",
    "일",
    "시",
    "분",
    "초",
    "주",
    "개",
    "명",
    "건",
    "번",
    "배",
    "원",
    "회",
    "점",
    "살",
    "퍼센트",
    "가지",
    "사람",
    "시간",
    "억",
    "만",
    "조",
    "달",
    "권",
    "대",
    "장",
    "차",
    "층",
    "단계",
    "조각",
    "등",
];

/// Whether a word is a numeral that the next word counts with: the two are said as one.
pub(super) fn counts(word: &str, next: &str) -> bool {
    let numeral =
        !word.is_empty() && (word.chars().all(|c| NUMERALS.contains(c)) || NATIVE.iter().any(|n| word.ends_with(n) && native(word)));
    numeral && (COUNTERS.iter().any(|c| next.starts_with(c)) || next.chars().next().is_some_and(|c| NUMERALS.contains(c)))
}

/// Whether a word is made of native numerals only (열다섯).
fn native(word: &str) -> bool {
    let mut rest = word;
    while let Some(n) = NATIVE.iter().find(|n| rest.starts_with(**n)) {
        rest = &rest[n.len()..];
    }
    rest.is_empty()
}

/// Whether `word` ends in the adnominal -(으)ㄹ and `next` is a noun that it makes tense (할 것 → 할 껏).
pub(super) fn tenses(word: &str, next: &str) -> bool {
    let ends_in_l = word.chars().last().is_some_and(|c| coda(c) == Some('ㄹ'));
    let verb = word.ends_with('을') || word.ends_with(|c| VERB_ENDINGS.contains(c));
    ends_in_l
        && !NOT_ADNOMINAL.contains(&word)
        && !is_object(word)
        && (AFTER_ADNOMINAL.iter().any(|n| opens(next, n)) || (verb && AFTER_VERB.iter().any(|n| next.starts_with(n))))
}

/// 를 is always the object particle; 을 is not after a verb stem (있을, 없을, 같을, 먹을...).
fn is_object(word: &str) -> bool {
    const STEMS: &str =
        "있없같먹읽받찾넣높낮많작적좋싫않했었았였겠갔왔됐봤썼줬렸졌웠했쳤켰났랐겼혔믿얻닫걷묻웃씻벗맞잊찢놓쌓밟앉맡붙깊옳닦겪섞엮깎";
    let mut ends = word.chars().rev();
    match (ends.next(), ends.next()) {
        (Some('를'), _) => true,
        (Some('을'), Some(stem)) => !STEMS.contains(stem),
        _ => false,
    }
}

/// Whether a word is a dependent noun, alone or with a particle; 수 does not open 수업.
fn opens(word: &str, noun: &str) -> bool {
    let Some(rest) = word.strip_prefix(noun) else { return false };
    let single = noun.chars().count() == 1;
    !single
        || matches!(noun, "것" | "거" | "게" | "걸" | "건" | "겁" | "듯")
        || rest.chars().next().is_none_or(|c| !is_syllable(c) || "가를이도은는의에로만밖까라야조보".contains(c))
}
