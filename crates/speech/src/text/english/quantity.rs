//! English numbers with what they count: dates, times, money, units, ordinals and years.

use super::number;

const UNITS: &[(&str, &str)] = &[
    ("%", "percent"),
    ("ms", "milliseconds"),
    ("s", "seconds"),
    ("KB", "kilobytes"),
    ("MB", "megabytes"),
    ("GB", "gigabytes"),
    ("TB", "terabytes"),
    ("Mbps", "megabits per second"),
    ("Gbps", "gigabits per second"),
    ("MB/s", "megabytes per second"),
    ("km", "kilometers"),
    ("cm", "centimeters"),
    ("mm", "millimeters"),
    ("kg", "kilograms"),
    ("Hz", "hertz"),
    ("kHz", "kilohertz"),
    ("MHz", "megahertz"),
    ("GHz", "gigahertz"),
    ("x", "times"),
    ("K", "thousand"),
    ("M", "million"),
    ("°C", "degrees celsius"),
    ("℃", "degrees celsius"),
    ("px", "pixels"),
    ("h", "hours"),
    ("min", "minutes"),
    ("am", "A M"),
    ("pm", "P M"),
    ("AM", "A M"),
    ("PM", "P M"),
];
const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// What begins with a figure or a currency sign: its length in characters, and its words.
pub(super) fn read(rest: &[char], before: Option<char>) -> Option<(usize, String)> {
    date(rest).or_else(|| time(rest)).or_else(|| money(rest)).or_else(|| quantity(rest, before))
}

fn digits(rest: &[char]) -> String {
    rest.iter().take_while(|c| c.is_ascii_digit()).collect()
}

/// 2026-11-23.
fn date(rest: &[char]) -> Option<(usize, String)> {
    let part = |at: usize, sign: bool| {
        let from = rest.get(at..)?;
        let from = if sign { from.strip_prefix(&['-'])? } else { from };
        Some(digits(from)).filter(|d| !d.is_empty())
    };
    let year = part(0, false).filter(|y| y.len() == 4)?;
    let month = part(4, true)?;
    let day = part(5 + month.len(), true)?;
    let name = month.parse::<usize>().ok().and_then(|m| MONTHS.get(m.wrapping_sub(1)))?;
    let fits = (1..=31).contains(&day.parse::<u32>().ok()?);
    fits.then(|| (6 + month.len() + day.len(), format!("{name} {}, {}", number::ordinal(day.trim_start_matches('0')), number::year(&year))))
}

/// 14:30.
fn time(rest: &[char]) -> Option<(usize, String)> {
    let hour = digits(rest);
    let minute = rest.get(hour.len()).filter(|c| **c == ':').map(|_| digits(&rest[hour.len() + 1..])).filter(|m| m.len() == 2)?;
    let value = hour.parse::<u32>().ok().filter(|h| *h <= 24)?;
    let minutes = match minute.as_str() {
        "00" => "o'clock".to_owned(),
        m if m.starts_with('0') => format!("oh {}", number::cardinal(&m[1..])),
        m => number::cardinal(m),
    };
    Some((hour.len() + 3, format!("{} {minutes}", number::cardinal(&value.to_string()))))
}

/// $2.50, €10,000.
fn money(rest: &[char]) -> Option<(usize, String)> {
    let unit = match rest.first()? {
        '$' => "dollars",
        '€' => "euros",
        '£' => "pounds",
        '￦' => "won",
        '¥' => "yen",
        _ => return None,
    };
    let (taken, value, _) = figure(&rest[1..])?;
    Some((1 + taken, format!("{value} {unit}")))
}

/// Digits with commas and a decimal part: length, words, and the digits if it is whole.
fn figure(rest: &[char]) -> Option<(usize, String, Option<String>)> {
    let mut whole = digits(rest);
    let mut taken = whole.len();
    if taken == 0 {
        return None;
    }
    while rest.get(taken) == Some(&',') && digits(&rest[taken + 1..]).len() == 3 {
        whole.push_str(&digits(&rest[taken + 1..]));
        taken += 4;
    }
    let mut said = number::cardinal(&whole);
    let mut points = 0;
    while rest.get(taken) == Some(&'.') && rest.get(taken + 1).is_some_and(char::is_ascii_digit) {
        let part = digits(&rest[taken + 1..]);
        said.push_str(" point ");
        said.push_str(&number::spell(&part));
        taken += 1 + part.len();
        points += 1;
    }
    Some((taken, said, (points == 0).then_some(whole)))
}

/// A number with its ordinal ending, unit or decade; years are read in pairs.
fn quantity(rest: &[char], before: Option<char>) -> Option<(usize, String)> {
    let minus = usize::from(rest.first() == Some(&'-') && before.is_none_or(|c| c == ' ' || c == '('));
    let (length, mut said, whole) = figure(&rest[minus..])?;
    let taken = minus + length;
    let after = &rest[taken..];
    let plain = whole.as_ref().is_some_and(|w| w.len() == length);
    if let Some(digits) = whole.filter(|_| plain) {
        let ending: String = after.iter().take(2).collect::<String>().to_lowercase();
        let ends = after.get(2).is_none_or(|c| !c.is_ascii_alphanumeric());
        if ends && matches!(ending.as_str(), "st" | "nd" | "rd" | "th") {
            return Some((taken + 2, number::ordinal(&digits)));
        }
        if digits.len() == 4 && !after.starts_with(&['x']) {
            said = number::year(&digits);
        }
    }
    if minus == 1 {
        said = format!("minus {said}");
    }
    let space = usize::from(after.first() == Some(&' '));
    let unit = |skip: usize| {
        let sign = |sign: &str| {
            let length = sign.chars().count();
            let matches = after.get(skip..skip + length).is_some_and(|a| a.iter().copied().eq(sign.chars()));
            matches && after.get(skip + length).is_none_or(|c| !c.is_ascii_alphanumeric() && *c != '/')
        };
        UNITS
            .iter()
            .filter(|(s, _)| sign(s) && (skip == 0 || s.len() > 1))
            .max_by_key(|(s, _)| s.len())
            .map(|(s, said)| (skip + s.chars().count(), *said))
    };
    if let Some((length, name)) = unit(0).or_else(|| unit(space)) {
        return Some((taken + length, format!("{said} {name}")));
    }
    if after.first() == Some(&'-') && after.get(1).is_some_and(char::is_ascii_digit) {
        return Some((taken + 1, format!("{said} to ")));
    }
    Some((taken, said))
}
