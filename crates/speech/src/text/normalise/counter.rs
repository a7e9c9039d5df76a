//! Which words count in native numbers (세 개) and which in Sino-Korean (삼 분).

use super::number;

/// How a counter takes its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Native up to this number, Sino-Korean above it.
    Native(u32),
    /// Sino-Korean, the counter as a word of its own (삼 분).
    Sino,
    /// Sino-Korean, written together (이진수, 삼차원).
    Joined,
    /// Hours: native up to 12.
    Hour,
    /// Months: 유월 and 시월.
    Month,
    /// Places in a row: 첫 번째, 두 번째.
    Ordinal,
}

use Reading::{Hour, Joined, Month, Native, Ordinal, Sino};

/// Longest first where one begins with another.
const COUNTERS: &[(&str, Reading)] = &[
    ("개월", Sino),
    ("개년", Sino),
    ("번째", Ordinal),
    ("번지", Sino),
    ("번가", Sino),
    ("번길", Sino),
    ("번대", Sino),
    ("번", Native(19)),
    ("개", Native(99)),
    ("가지", Native(99)),
    ("시간", Native(99)),
    ("시", Hour),
    ("살", Native(99)),
    ("사람", Native(99)),
    ("명", Native(99)),
    ("마리", Native(99)),
    ("권", Native(99)),
    ("잔", Native(99)),
    ("병", Native(99)),
    ("장", Native(99)),
    ("달러", Sino),
    ("달", Native(99)),
    ("배속", Sino),
    ("배", Native(19)),
    ("건", Native(19)),
    ("군데", Native(99)),
    ("곳", Native(99)),
    ("쌍", Native(99)),
    ("줄", Native(99)),
    ("칸", Native(99)),
    ("채", Native(99)),
    ("켤레", Native(99)),
    ("그루", Native(99)),
    ("송이", Native(99)),
    ("벌", Native(99)),
    ("척", Native(99)),
    ("판", Native(99)),
    ("끼", Native(99)),
    ("바퀴", Native(99)),
    ("종류", Native(19)),
    ("팀", Native(19)),
    ("차례", Native(99)),
    ("조각", Native(99)),
    ("자루", Native(99)),
    ("자리", Native(19)),
    ("글자", Native(99)),
    ("상자", Native(99)),
    ("그릇", Native(99)),
    ("봉지", Native(99)),
    ("묶음", Native(99)),
    ("걸음", Native(99)),
    ("나라", Native(19)),
    ("갈래", Native(19)),
    ("방울", Native(99)),
    ("모금", Native(99)),
    ("대", Native(19)),
    ("년도", Sino),
    ("년대", Sino),
    ("년", Sino),
    ("월", Month),
    ("일", Sino),
    ("분기", Sino),
    ("분", Sino),
    ("초", Sino),
    ("주년", Sino),
    ("주일", Sino),
    ("주", Sino),
    ("원", Sino),
    ("유로", Sino),
    ("위안", Sino),
    ("엔", Sino),
    ("회", Sino),
    ("퍼센트", Sino),
    ("점", Sino),
    ("층", Sino),
    ("도", Sino),
    ("호선", Joined),
    ("호", Sino),
    ("학년", Joined),
    ("학기", Joined),
    ("학점", Sino),
    ("세대", Joined),
    ("세", Sino),
    ("인분", Sino),
    ("인", Sino),
    ("단계", Sino),
    ("등", Sino),
    ("위", Sino),
    ("차원", Joined),
    ("차", Sino),
    ("페이지", Sino),
    ("쪽", Sino),
    ("킬로", Sino),
    ("미터", Sino),
    ("그램", Sino),
    ("바이트", Sino),
    ("비트", Sino),
    ("기가", Sino),
    ("메가", Sino),
    ("밀리", Sino),
    ("순위", Joined),
    ("진수", Joined),
    ("진법", Joined),
    ("코어", Sino),
    ("노드", Sino),
    ("교시", Sino),
    ("평", Sino),
    ("박", Sino),
    ("부", Sino),
    ("조", Sino),
    ("항", Sino),
    ("리터", Sino),
    ("만", Sino),
];

/// The counter that opens a text, with its length in characters.
pub(super) fn find(rest: &[char]) -> Option<(&'static str, Reading)> {
    COUNTERS
        .iter()
        .copied()
        .filter(|(word, _)| word.chars().eq(rest.iter().copied().take(word.chars().count())))
        .max_by_key(|(word, _)| word.len())
}

/// A whole number before a counter, with the counter.
pub(super) fn say(digits: &str, counter: &str, reading: Reading) -> String {
    let value: Option<u32> = digits.parse().ok().filter(|_| !digits.starts_with('0') || digits.len() == 2 || digits == "0");
    let sino = || number::sino(value.map(|v| v.to_string()).as_deref().unwrap_or(digits));
    let native = |most: u32| value.filter(|v| *v <= most).and_then(number::native);
    match (reading, value) {
        (Ordinal, Some(1)) => "첫 번째".to_owned(),
        (Ordinal, _) => format!("{} {counter}", native(99).unwrap_or_else(sino)),
        (Month, Some(6)) => "유월".to_owned(),
        (Month, Some(10)) => "시월".to_owned(),
        (Month | Joined, _) => format!("{}{counter}", sino()),
        (Hour, _) => format!("{} {counter}", native(12).unwrap_or_else(sino)),
        // 30대 is an age; two or three of a thing are counted.
        (Native(_), Some(v)) if counter == "대" && v % 10 == 0 => format!("{} 대", sino()),
        (Native(most), Some(v)) if most == 99 && (101..1000).contains(&v) && (1..10).contains(&(v % 100)) => {
            format!("{}{} {counter}", number::sino(&(v / 100 * 100).to_string()), number::native(v % 100).unwrap_or_default())
        }
        (Native(most), _) => format!("{} {counter}", native(most).unwrap_or_else(sino)),
        (Sino, _) => format!("{} {counter}", sino()),
    }
}
