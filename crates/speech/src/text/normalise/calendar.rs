//! Dates and times that are written in figures only: 2026-11-23, 14:30.

use super::counter::{self, Reading};
use super::{Said, number};

/// A date or a time at the start of a text.
pub(super) fn read(rest: &[char]) -> Option<Said> {
    date(rest).or_else(|| time(rest))
}

/// 2026-11-23, 2026.11.23, 2026/11/23 and 2026-11.
fn date(rest: &[char]) -> Option<Said> {
    let (year, at) = digits(rest, 4, 4)?;
    let sign = *rest.get(at).filter(|c| matches!(c, '-' | '.' | '/'))?;
    let space = |at: usize| usize::from(sign == '.' && rest.get(at) == Some(&' '));
    let month_at = at + 1 + space(at + 1);
    let (month, length) = digits(rest.get(month_at..)?, 1, 2).filter(|(m, _)| (1..=12).contains(m))?;
    let mut end = month_at + length;
    let mut said = vec![format!("{} 년", number::sino(&year.to_string())), counter::say(&month.to_string(), "월", Reading::Month)];
    let day = rest.get(end).filter(|c| **c == sign).and_then(|_| {
        let from = end + 1 + space(end + 1);
        digits(rest.get(from..)?, 1, 2).filter(|(d, _)| (1..=31).contains(d)).map(|(d, length)| (d, from + length))
    });
    match day {
        Some((day, to)) => {
            end = to;
            said.push(format!("{} 일", number::sino(&day.to_string())));
        }
        // 2026.11 is a number and 2026/11 a code; only the hyphen makes a month of it.
        None if sign != '-' || length != 2 => return None,
        None => {}
    }
    let more = rest.get(end).is_some_and(|c| c.is_ascii_digit() || *c == '-');
    (!more && (1000..3000).contains(&year)).then(|| Said::new(end, said.join(" ")))
}

/// 14:30 and 14:30:15.
fn time(rest: &[char]) -> Option<Said> {
    let (hour, at) = digits(rest, 1, 2).filter(|(h, _)| *h <= 24)?;
    let (minute, mut end) = minutes(rest, at)?;
    let second = minutes(rest, end);
    end = second.map_or(end, |(_, to)| to);
    let hour = Some(counter::say(&hour.to_string(), "시", Reading::Hour));
    let part = |value: u32, unit: &str| (value > 0).then(|| format!("{} {unit}", number::sino(&value.to_string())));
    let said: Vec<String> = [hour, part(minute, "분"), second.and_then(|(s, _)| part(s, "초"))].into_iter().flatten().collect();
    (!rest.get(end).is_some_and(|c| c.is_ascii_digit() || *c == ':')).then(|| Said::new(end, said.join(" ")))
}

/// `:` and two digits below 60.
fn minutes(rest: &[char], at: usize) -> Option<(u32, usize)> {
    rest.get(at).filter(|c| **c == ':')?;
    let (value, length) = digits(rest.get(at + 1..)?, 2, 2).filter(|(v, _)| *v < 60)?;
    Some((value, at + 1 + length))
}

/// A run of `least` to `most` digits, its value and length.
fn digits(rest: &[char], least: usize, most: usize) -> Option<(u32, usize)> {
    let length = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    let text: String = rest.iter().take(length).collect();
    (least..=most).contains(&length).then(|| text.parse().ok().map(|value| (value, length)))?
}
