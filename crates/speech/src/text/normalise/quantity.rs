//! Numbers with what they count: counters, units, money, ranges, fractions and ratios.

use super::counter::{self, Reading};
use super::figure::{self, Figure};
use super::unit::{self, Unit};
use super::{Said, number};
use crate::text::hangul::is_syllable;

/// What stands behind a number.
enum Tail {
    Unit(Unit),
    Counter(&'static str, Reading, usize),
}

impl Tail {
    fn find(rest: &[char]) -> Option<Self> {
        if let Some(unit) = unit::after_number(rest) {
            return Some(Self::Unit(unit));
        }
        let space = usize::from(rest.first() == Some(&' '));
        let (word, reading) = counter::find(&rest[space..])?;
        let taken = space + word.chars().count();
        // After a space it must be the counter itself, not the start of another word (3 개발자).
        let whole = rest.get(taken).is_none_or(|c| !is_syllable(*c) || "가이은는을를의에도로와과만씩째쯤까나정마".contains(*c));
        (space == 0 || whole).then_some(Self::Counter(word, reading, taken))
    }

    fn taken(&self) -> usize {
        match self {
            Self::Unit(unit) => unit.taken,
            Self::Counter(_, _, taken) => *taken,
        }
    }

    fn say(&self, figure: &Figure) -> String {
        match self {
            Self::Unit(Unit { name: "배", .. }) if figure.is_whole() => counter::say(&figure.digits, "배", Reading::Native(19)),
            Self::Unit(unit) => {
                let rate = unit.rate.map(|r| format!("{r} ")).unwrap_or_default();
                format!("{rate}{} {}", figure.said, unit.name)
            }
            Self::Counter(word, reading, _) if figure.is_whole() => counter::say(&figure.digits, word, *reading),
            Self::Counter(word, Reading::Joined, _) => format!("{}{word}", figure.said),
            Self::Counter(word, ..) => format!("{} {word}", figure.said),
        }
    }
}

/// Money, a fraction, a ratio, a range, or a number with or without a counter.
pub(super) fn read(rest: &[char]) -> Option<Said> {
    if let Some(currency) = rest.first().and_then(|c| unit::money(*c)) {
        let space = usize::from(rest.get(1) == Some(&' '));
        let figure = figure::read(&rest[1 + space..])?;
        return Some(Said::new(1 + space + figure.taken, format!("{} {currency}", figure.said)));
    }
    let figure = figure::read(rest)?;
    let after = &rest[figure.taken..];
    pair(&figure, after).or_else(|| range(&figure, after)).or_else(|| approximate(&figure, after)).or_else(|| {
        Some(match Tail::find(after) {
            Some(tail) => Said::new(figure.taken + tail.taken(), tail.say(&figure)),
            None => Said::new(figure.taken, figure.said.clone()),
        })
    })
}

/// 1/3 삼 분의 일, 3:2 삼 대 이, 1대1 일 대 일.
fn pair(figure: &Figure, after: &[char]) -> Option<Said> {
    let sign = *after.first()?;
    let second = figure::read(&after[1..]).filter(|s| s.is_whole() && figure.is_whole())?;
    let next = after.get(1 + second.taken);
    if next.is_some_and(|c| matches!(c, '/' | ':' | '-') || c.is_ascii_alphabetic()) {
        return None;
    }
    let taken = figure.taken + 1 + second.taken;
    let values: Option<(u64, u64)> = figure.digits.parse().ok().zip(second.digits.parse().ok());
    match (sign, values?) {
        ('/', (a, b)) if a < b => Some(Said::new(taken, format!("{} 분의 {}", second.said, figure.said))),
        ('/', _) => Some(Said::new(taken, format!("{} 슬래시 {}", figure.said, second.said))),
        (':' | '대', _) => Some(Said::new(taken, format!("{} 대 {}", figure.said, second.said))),
        ('·', _) => {
            let both = format!("{}{}", number::spell(&figure.digits, "영"), number::spell(&second.digits, "영"));
            Some(Said::new(taken, both))
        }
        _ => None,
    }
}

/// 3~5년 삼에서 오 년, 3~5개 세 개에서 다섯 개. A hyphen is a range only where something is counted.
fn range(figure: &Figure, after: &[char]) -> Option<Said> {
    let spaces = |from: usize| after.iter().skip(from).take_while(|c| **c == ' ').count();
    let at = spaces(0);
    let sign = *after.get(at).filter(|c| matches!(c, '~' | '-'))?;
    let start = at + 1 + spaces(at + 1);
    if sign == '-' && start != 1 {
        return None;
    }
    let second = figure::read(&after[start..])?;
    let tail = Tail::find(&after[start + second.taken..]);
    let taken = figure.taken + start + second.taken;
    match tail {
        Some(Tail::Counter(_, Reading::Native(_) | Reading::Hour, _)) => {
            let tail = tail?;
            Some(Said::new(taken + tail.taken(), format!("{}에서 {}", tail.say(figure), tail.say(&second))))
        }
        Some(tail) => Some(Said::new(taken + tail.taken(), format!("{}에서 {}", figure.said, tail.say(&second)))),
        None if sign == '~' => Some(Said::new(taken, format!("{}에서 {}", figure.said, second.said))),
        None => None,
    }
}

/// 10여 년, 100여 개: always Sino-Korean.
fn approximate(figure: &Figure, after: &[char]) -> Option<Said> {
    let rest = after.strip_prefix(&['여'])?;
    let space = usize::from(rest.first() == Some(&' '));
    let (word, _) = counter::find(&rest[space..])?;
    (figure.large || figure.digits.ends_with('0'))
        .then(|| Said::new(figure.taken + 1 + space + word.chars().count(), format!("{}여 {word}", figure.said)))
}
