//! Points weighed with the probabilities of the digits that write them (G-Eval: Liu et al., 2023).
//!
//! A sampled score is one throw; the expectation uses what else the model might have written at that place, from the same
//! pass. Exact along the way that was taken. A way that was not taken ends in digits that nobody asked for: they are taken to
//! be spread as those behind the digits that were written, or evenly where there were none, within the item's maximum.

use viva_llm::{Chance, Number};

/// What the probabilities of an item's points say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weighed {
    /// Expected points.
    pub(crate) expected: f64,
    /// Probability of those that were written.
    pub(crate) probability: f64,
}

/// For each of a reply's scores, in the order in which they stand there, what the numbers of its completion say; `None` if they
/// do not tell of exactly these `points` and `maxima`.
pub(crate) fn weigh(reply: &str, numbers: &[Number], points: &[(u32, u32)]) -> Option<Vec<Weighed>> {
    let scores: Vec<&Number> = numbers.iter().filter(|number| is_score(reply, number.at)).collect();
    if scores.len() != points.len() {
        return None;
    }
    let weighed = scores.iter().zip(points).map(|(number, (written, max))| {
        let digits = digits_at(reply, number.at);
        if digits.parse() != Ok(*written) {
            return None;
        }
        let expected = expectation(&number.steps, digits, 0, *max).clamp(0.0, f64::from(*max));
        Some(Weighed { expected: rounded(expected, 1e3), probability: rounded(f64::from(number.probability), 1e4) })
    });
    weighed.collect()
}

/// Decimals of a stored record are few, so that they are read back as they were written.
fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

/// Whether the number at that byte is the value of a key `score`. Text inside a string cannot look so: its quotes are escaped.
fn is_score(reply: &str, at: usize) -> bool {
    reply.get(..at).is_some_and(|before| before.trim_end().strip_suffix(':').is_some_and(|key| key.trim_end().ends_with("\"score\"")))
}

fn digits_at(reply: &str, at: usize) -> &str {
    let rest = reply.get(at..).unwrap_or_default();
    &rest[..rest.bytes().take_while(u8::is_ascii_digit).count()]
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn value(digits: &str) -> f64 {
    digits.parse().unwrap_or_default()
}

/// Expected value of a number that begins with `digits[..known]` and went on to be `digits`.
fn expectation(steps: &[Vec<Chance>], digits: &str, mut known: usize, max: u32) -> f64 {
    let Some((step, later)) = steps.split_first() else { return value(digits) };
    // Digits that the schema decided have no step of their own.
    while known < digits.len() && !step.iter().any(|chance| is_digits(&chance.text) && digits[known..].starts_with(&chance.text)) {
        known += 1;
    }
    let taken = |chance: &Chance| is_digits(&chance.text) && known < digits.len() && digits[known..].starts_with(&chance.text);
    let outcome = |chance: &Chance| {
        if !is_digits(&chance.text) {
            return value(&digits[..known]);
        }
        if taken(chance) {
            return expectation(later, digits, known + chance.text.len(), max);
        }
        guess(&format!("{}{}", &digits[..known], chance.text), later.first(), max)
    };
    let sum: f64 = step.iter().map(|chance| f64::from(chance.probability)).sum();
    if sum <= 0.0 {
        return value(digits);
    }
    step.iter().map(|chance| f64::from(chance.probability) / sum * outcome(chance)).sum()
}

/// Expected value of a number that begins so and was not followed: it ends there or has one digit more, within `max`.
fn guess(prefix: &str, seen: Option<&Vec<Chance>>, max: u32) -> f64 {
    let begun = value(prefix);
    let weight = |wanted: Option<u32>| match seen {
        None => 1.0,
        Some(chances) => {
            let same = |chance: &&Chance| match wanted {
                Some(digit) => chance.text == digit.to_string(),
                None => !is_digits(&chance.text),
            };
            chances.iter().filter(same).map(|chance| f64::from(chance.probability)).sum()
        }
    };
    let longer = (0..10).map(|digit| (begun * 10.0 + f64::from(digit), weight(Some(digit))));
    let longer = longer.filter(|(number, _)| begun > 0.0 && *number <= f64::from(max));
    let all: Vec<(f64, f64)> = longer.chain([(begun, weight(None))]).collect();
    let sum: f64 = all.iter().map(|(_, weight)| weight).sum();
    if sum <= 0.0 {
        return begun;
    }
    all.iter().map(|(number, weight)| number * weight / sum).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn step(chances: &[(&str, f32)]) -> Vec<Chance> {
        chances.iter().map(|&(text, probability)| Chance { text: text.to_owned(), probability }).collect()
    }

    fn expected(max: u32, digits: &str, steps: &[Vec<Chance>]) -> f64 {
        expectation(steps, digits, 0, max)
    }

    #[test]
    fn a_whole_number_in_one_token_is_weighed_exactly() {
        let steps = [step(&[("10", 0.25), ("20", 0.5), ("30", 0.25)])];
        // Followed by nothing that was chosen: 10 and 30 may go on only beyond the maximum.
        assert!((expected(30, "20", &steps) - 20.0).abs() < 1e-6);
    }

    #[test]
    fn digits_are_weighed_along_the_way_that_was_taken() {
        let steps = [step(&[("3", 1.0)]), step(&[("0", 0.5), ("5", 0.25), (",", 0.25)])];
        // By hand: 0.5 * 30 + 0.25 * 35 + 0.25 * 3.
        assert!((expected(40, "35", &steps) - 24.5).abs() < 1e-6);
    }

    #[test]
    fn a_way_that_was_not_taken_borrows_the_digits_of_the_one_that_was() {
        let steps = [step(&[("3", 0.5), ("4", 0.5)]), step(&[("0", 0.5), ("9", 0.5)])];
        // Behind 3: 30 or 39. Behind 4 only 40 stays within 40.
        assert!((expected(40, "30", &steps) - (0.5 * 34.5 + 0.5 * 40.0)).abs() < 1e-6);
    }

    #[test]
    fn where_no_digit_followed_those_that_might_have_are_spread_evenly() {
        let steps = [step(&[("0", 0.5), ("2", 0.5)])];
        // Behind 2, within 20: 2 or 20.
        assert!((expected(20, "0", &steps) - 0.5 * 11.0).abs() < 1e-6);
    }

    #[test]
    fn only_the_numbers_behind_a_key_named_score_count() {
        let reply = r#"{"a":{"quote":"\"score\":7","score":12},"b":{"quote":"(none)","score":3},"feedback":"1"}"#;
        let at = |text: &str| reply.find(text).unwrap();
        let number = |at| Number { at, steps: vec![step(&[("1", 1.0)])], probability: 1.0 };
        let inside = at("7\"");
        let (first, second) = (at("12}"), at("3}"));
        let numbers = [number(inside), number(first), number(second)];
        assert_eq!(weigh(reply, &numbers, &[(12, 20), (3, 20)]).unwrap().len(), 2);
        assert_eq!(weigh(reply, &numbers, &[(11, 20), (3, 20)]), None, "another number stands there");
        assert_eq!(weigh(reply, &numbers[..2], &[(12, 20), (3, 20)]), None, "one is missing");
    }
}
