//! Units of measure and money by their signs.

/// Written after a number. The longest that fits is taken; case counts (Mb is not MB).
const UNITS: &[(&str, &str)] = &[
    ("ms", "밀리초"),
    ("msec", "밀리초"),
    ("us", "마이크로초"),
    ("µs", "마이크로초"),
    ("μs", "마이크로초"),
    ("ns", "나노초"),
    ("s", "초"),
    ("sec", "초"),
    ("min", "분"),
    ("h", "시간"),
    ("hr", "시간"),
    ("B", "바이트"),
    ("KB", "킬로바이트"),
    ("kB", "킬로바이트"),
    ("MB", "메가바이트"),
    ("GB", "기가바이트"),
    ("TB", "테라바이트"),
    ("PB", "페타바이트"),
    ("KiB", "키비바이트"),
    ("MiB", "메비바이트"),
    ("GiB", "기비바이트"),
    ("kbps", "킬로비피에스"),
    ("Kbps", "킬로비피에스"),
    ("Mbps", "메가비피에스"),
    ("Gbps", "기가비피에스"),
    ("Kb", "킬로비트"),
    ("Mb", "메가비트"),
    ("Gb", "기가비트"),
    ("Hz", "헤르츠"),
    ("kHz", "킬로헤르츠"),
    ("MHz", "메가헤르츠"),
    ("GHz", "기가헤르츠"),
    ("km", "킬로미터"),
    ("m", "미터"),
    ("cm", "센티미터"),
    ("mm", "밀리미터"),
    ("nm", "나노미터"),
    ("m²", "제곱미터"),
    ("km²", "제곱킬로미터"),
    ("kg", "킬로그램"),
    ("g", "그램"),
    ("mg", "밀리그램"),
    ("L", "리터"),
    ("l", "리터"),
    ("ml", "밀리리터"),
    ("mL", "밀리리터"),
    ("W", "와트"),
    ("kW", "킬로와트"),
    ("kWh", "킬로와트시"),
    ("V", "볼트"),
    ("%", "퍼센트"),
    ("%p", "퍼센트포인트"),
    ("％", "퍼센트"),
    ("‰", "퍼밀"),
    ("℃", "도"),
    ("°C", "도"),
    ("℉", "화씨 도"),
    ("°", "도"),
    ("px", "픽셀"),
    ("dB", "데시벨"),
    ("fps", "프레임"),
    ("pt", "포인트"),
    ("x", "배"),
    ("vCPU", "브이 씨피유"),
    ("rpm", "알피엠"),
    ("cal", "칼로리"),
    ("kcal", "킬로칼로리"),
    ("원", "원"),
];
const RATES: &[(&str, &str)] = &[
    ("/s", "초당"),
    ("/sec", "초당"),
    ("/min", "분당"),
    ("/h", "시간당"),
    ("/초", "초당"),
    ("/분", "분당"),
    ("/시간", "시간당"),
    ("/일", "하루"),
];
const MONEY: &[(char, &str)] = &[('￦', "원"), ('$', "달러"), ('€', "유로"), ('£', "파운드"), ('¥', "엔"), ('￥', "엔")];

/// A unit as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// Said before the number: 초당.
    pub(super) rate: Option<&'static str>,
    /// Said after it.
    pub(super) name: &'static str,
    /// Length in characters, with a space before it.
    pub(super) taken: usize,
}

/// The unit that opens the rest of a text after a number; one space may stand between.
pub(super) fn after_number(rest: &[char]) -> Option<Unit> {
    let space = usize::from(rest.first() == Some(&' '));
    let rest = &rest[space..];
    let (sign, name) = longest(UNITS, rest)?;
    let length = sign.chars().count();
    let rate = longest(RATES, &rest[length..]);
    let taken = length + rate.map_or(0, |(r, _)| r.chars().count());
    let next = rest.get(taken);
    let letters = sign.ends_with(|c: char| c.is_ascii_alphabetic()) || rate.is_some();
    let cut_short = letters && next.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    // A single letter after a space is rather a name: "3 V" is rare, "버전 3 B" is not a byte.
    let doubtful = space == 1 && length == 1 && letters;
    (!cut_short && !doubtful).then_some(Unit { rate: rate.map(|(_, said)| said), name, taken: space + taken })
}

/// The currency of a sign that stands before its number.
pub(super) fn money(sign: char) -> Option<&'static str> {
    MONEY.iter().find(|(s, _)| *s == sign).map(|(_, name)| *name)
}

fn longest(table: &'static [(&'static str, &'static str)], rest: &[char]) -> Option<(&'static str, &'static str)> {
    table.iter().copied().filter(|(sign, _)| starts_with(rest, sign)).max_by_key(|(sign, _)| sign.chars().count())
}

/// Whether characters begin with a string.
pub(super) fn starts_with(rest: &[char], prefix: &str) -> bool {
    let mut chars = rest.iter();
    prefix.chars().all(|c| chars.next() == Some(&c))
}
