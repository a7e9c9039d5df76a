//! Numbers in words: Sino-Korean (이십삼), native (스물셋), and digit by digit (공일공).

const DIGITS: [&str; 10] = ["영", "일", "이", "삼", "사", "오", "육", "칠", "팔", "구"];
const SMALL: [&str; 4] = ["", "십", "백", "천"];
const LARGE: [&str; 6] = ["", "만", "억", "조", "경", "해"];
const NATIVE_ONES: [&str; 10] = ["", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"];
const NATIVE_TENS: [&str; 10] = ["", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔"];

/// A whole number of at most 24 digits in Sino-Korean, spaced by 만; longer ones and `007` digit by digit.
///
/// 1 is silent before 십, 백, 천 and a leading 만 (10000 → 만), not before 억.
pub(super) fn sino(digits: &str) -> String {
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() {
        return "영".to_owned();
    }
    if digits.len() > bare.len() || bare.len() > 24 {
        return spell(digits, "공");
    }
    let values: Vec<u8> = bare.bytes().map(|b| b - b'0').collect();
    let mut groups = Vec::new();
    let mut end = values.len();
    for large in LARGE {
        let start = end.saturating_sub(4);
        let group = four(&values[start..end]);
        let alone = large == "만" && group == "일" && start == 0;
        if !group.is_empty() {
            groups.push(if alone { large.to_owned() } else { group + large });
        }
        end = start;
        if end == 0 {
            break;
        }
    }
    groups.reverse();
    groups.join(" ")
}

fn four(values: &[u8]) -> String {
    let mut said = String::new();
    for (i, value) in values.iter().enumerate().filter(|(_, v)| **v > 0) {
        let place = values.len() - 1 - i;
        if *value > 1 || place == 0 {
            said.push_str(DIGITS[usize::from(*value)]);
        }
        said.push_str(SMALL[place]);
    }
    said
}

/// Digit by digit; telephone numbers and codes say 공 for zero, decimals 영.
pub(super) fn spell(digits: &str, zero: &str) -> String {
    let digit = |b: u8| if b == b'0' { zero } else { DIGITS[usize::from(b.saturating_sub(b'0')).min(9)] };
    digits.bytes().map(digit).collect()
}

/// A number from 1 to 99 in native words, in the form that stands before a counter (세 개, 스무 살, 스물한 명).
pub(super) fn native(n: u32) -> Option<String> {
    match n {
        20 => Some("스무".to_owned()),
        1..=99 => Some(format!("{}{}", NATIVE_TENS[n as usize / 10], NATIVE_ONES[n as usize % 10])),
        _ => None,
    }
}

/// A decimal: 2.5 → 이 점 오.
pub(super) fn decimal(whole: &str, fraction: &str) -> String {
    format!("{} 점 {}", sino(if whole.is_empty() { "0" } else { whole }), spell(fraction, "영"))
}
