//! Figures that are read digit by digit or point by point: telephone numbers, versions, addresses of machines.

use super::{Said, number};

/// A telephone number or a version at the start of a text.
pub(super) fn read(rest: &[char], before: Option<char>) -> Option<Said> {
    telephone(rest, before).or_else(|| version(rest, before))
}

/// 010-1234-5678, 02-123-4567, 1588-1234, +82-10-1234-5678.
fn telephone(rest: &[char], before: Option<char>) -> Option<Said> {
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-') {
        return None;
    }
    let plus = usize::from(rest.first() == Some(&'+'));
    let (groups, end) = groups(&rest[plus..], '-');
    let lengths: Vec<usize> = groups.iter().map(String::len).collect();
    let first = groups.first()?;
    let fits = match lengths.as_slice() {
        [_, middle, 4] if plus == 0 => first.starts_with('0') && matches!(first.len(), 2..=4) && matches!(middle, 3..=4),
        [4, 4] => plus == 0 && first.starts_with('1') && matches!(first.as_bytes()[1], b'5'..=b'8'),
        [1..=3, 1..=3, 3..=4, 4] => plus == 1,
        _ => false,
    };
    let said: Vec<String> = groups.iter().map(|g| number::spell(g, "공")).collect();
    fits.then(|| Said::new(plus + end, format!("{}{}", if plus == 1 { "플러스 " } else { "" }, said.join(" "))))
}

/// 1.2.3, v2, v1.0, 192.168.0.1.
fn version(rest: &[char], before: Option<char>) -> Option<Said> {
    let v = usize::from(matches!(rest.first(), Some('v' | 'V')) && rest.get(1).is_some_and(char::is_ascii_digit));
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.') {
        return None;
    }
    let (groups, end) = groups(&rest[v..], '.');
    let next_letter = rest.get(v + end).is_some_and(char::is_ascii_alphabetic);
    if groups.len() < 3 && (v == 0 || groups.is_empty() || next_letter) {
        return None;
    }
    let parts: Vec<String> = groups.iter().map(|g| number::sino(g)).collect();
    Some(Said::new(v + end, format!("{}{}", if v == 1 { "버전 " } else { "" }, parts.join(" 점 "))))
}

/// Runs of digits with a sign between them, and where they end.
fn groups(rest: &[char], sign: char) -> (Vec<String>, usize) {
    let mut groups = Vec::new();
    let mut end = 0;
    let mut at = 0;
    loop {
        let run: String = rest.iter().skip(at).take_while(|c| c.is_ascii_digit()).collect();
        if run.is_empty() {
            return (groups, end);
        }
        end = at + run.len();
        groups.push(run);
        if rest.get(end) != Some(&sign) {
            return (groups, end);
        }
        at = end + 1;
    }
}
