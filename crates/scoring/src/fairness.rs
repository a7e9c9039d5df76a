//! What an audit of bias asks: how groups fare, and whether a score changes with a name.
//!
//! Groups come from the operator; Viva infers none. A rate is the share of a group that is selected, an impact ratio that rate
//! over the best group's; below four fifths it is to be explained (Uniform Guidelines on Employee Selection Procedures, 29 CFR
//! 1607.4 D; New York City's Local Law 144 asks for the same ratios). Does not decide whether a difference is just.

use std::collections::BTreeMap;

use serde::Serialize;

/// Under this many people a group's rate says little.
pub const FEW: usize = 30;
/// The ratio that the rule is named for.
pub const FOUR_FIFTHS: f64 = 0.8;

/// Who counts as selected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selected {
    /// A score of at least this.
    AtLeast(f64),
    /// A score above the median of all: the scoring rate of Local Law 144.
    AboveMedian,
}

/// How one group fared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// As the operator calls it.
    pub name: String,
    /// People with a score.
    pub scored: usize,
    /// People without one: they count in no rate.
    pub without_score: usize,
    /// Mean score, one decimal; `None` without any.
    pub mean: Option<f64>,
    /// People selected.
    pub selected: usize,
    /// Share selected of those with a score.
    pub rate: Option<f64>,
    /// That rate over the best group's; `None` where nobody was selected.
    pub impact_ratio: Option<f64>,
    /// Whether the ratio is below four fifths.
    pub below_four_fifths: bool,
    /// Whether the group is too small for its rate to say much.
    pub few: bool,
}

/// How groups fared: `people` are (group, score), by name of the group.
pub fn impact(people: &[(String, Option<f64>)], selected: Selected) -> Vec<Group> {
    let all: Vec<f64> = people.iter().filter_map(|(_, score)| *score).collect();
    let median = median(&all);
    let is_selected = |score: f64| match selected {
        Selected::AtLeast(least) => score >= least,
        Selected::AboveMedian => median.is_some_and(|median| score > median),
    };
    let mut by_name: BTreeMap<&str, (Vec<f64>, usize)> = BTreeMap::new();
    for (name, score) in people {
        let (scores, without) = by_name.entry(name).or_default();
        match score {
            Some(score) => scores.push(*score),
            None => *without += 1,
        }
    }
    let mut groups: Vec<Group> = by_name
        .into_iter()
        .map(|(name, (scores, without_score))| {
            let chosen = scores.iter().filter(|score| is_selected(**score)).count();
            let share = |part: f64| (!scores.is_empty()).then(|| part / scores.len() as f64);
            Group {
                name: name.to_owned(),
                scored: scores.len(),
                without_score,
                mean: share(scores.iter().sum()).map(|mean| rounded(mean, 10.0)),
                selected: chosen,
                rate: share(chosen as f64).map(|rate| rounded(rate, 1e4)),
                impact_ratio: None,
                below_four_fifths: false,
                few: scores.len() < FEW,
            }
        })
        .collect();
    let rate = |group: &Group| group.selected as f64 / group.scored.max(1) as f64;
    let best = groups.iter().map(rate).fold(0.0, f64::max);
    for group in groups.iter_mut().filter(|group| group.scored > 0 && best > 0.0) {
        let ratio = group.selected as f64 / group.scored as f64 / best;
        group.impact_ratio = Some(rounded(ratio, 1e4));
        group.below_four_fifths = ratio < FOUR_FIFTHS;
    }
    groups
}

fn rounded(value: f64, scale: f64) -> f64 {
    (value * scale).round() / scale
}

fn median(scores: &[f64]) -> Option<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The text with each word of a pair in the other's place, or `None` if it has none of them. The longest match counts; words in
/// Latin letters count as whole words only.
pub fn swapped(text: &str, pairs: &[(String, String)]) -> Option<String> {
    let mut words: Vec<(&str, &str)> = pairs.iter().flat_map(|(one, other)| [(&one[..], &other[..]), (&other[..], &one[..])]).collect();
    words.retain(|(word, _)| !word.is_empty());
    words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
    let (mut swapped, mut at, mut changed) = (String::with_capacity(text.len()), 0, false);
    while at < text.len() {
        let found = words.iter().find(|(word, _)| text[at..].starts_with(word) && stands_alone(text, at, word));
        if let Some((word, other)) = found {
            swapped.push_str(other);
            at += word.len();
            changed = true;
        } else {
            let character = text[at..].chars().next().unwrap_or_default();
            swapped.push(character);
            at += character.len_utf8().max(1);
        }
    }
    changed.then_some(swapped)
}

fn stands_alone(text: &str, at: usize, word: &str) -> bool {
    let latin = |character: Option<char>| character.is_some_and(|character| character.is_ascii_alphanumeric());
    let before = latin(text[..at].chars().next_back()) && latin(word.chars().next());
    let after = latin(text[at + word.len()..].chars().next()) && latin(word.chars().next_back());
    !before && !after
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn people(groups: &[(&str, &[f64])]) -> Vec<(String, Option<f64>)> {
        groups.iter().flat_map(|(name, scores)| scores.iter().map(|score| ((*name).to_owned(), Some(*score)))).collect()
    }

    #[test]
    fn a_ratio_is_the_rate_over_the_best_rate() {
        // The guidelines' own example: 60 of 100 and 30 of 100; half the rate is below four fifths.
        let scores = |selected: usize| -> Vec<f64> { (0..100).map(|n| if n < selected { 80.0 } else { 20.0 }).collect() };
        let groups = impact(&people(&[("a", &scores(60)), ("b", &scores(30)), ("c", &scores(48))]), Selected::AtLeast(70.0));
        let told: Vec<_> = groups.iter().map(|group| (group.rate, group.impact_ratio, group.below_four_fifths, group.few)).collect();
        let expected = [(0.6, 1.0, false), (0.3, 0.5, true), (0.48, 0.8, false)];
        assert_eq!(told, expected.map(|(rate, ratio, below)| (Some(rate), Some(ratio), below, false)));
    }

    #[test]
    fn the_median_selects_who_is_above_it() {
        let groups = impact(&people(&[("a", &[10.0, 20.0]), ("b", &[30.0, 40.0])]), Selected::AboveMedian);
        assert_eq!(groups.iter().map(|group| group.selected).collect::<Vec<_>>(), [0, 2]);
        assert!(groups.iter().all(|group| group.few));
    }

    #[test]
    fn people_without_a_score_count_in_no_rate() {
        let mut people = people(&[("a", &[80.0])]);
        people.push(("a".to_owned(), None));
        people.push(("b".to_owned(), None));
        let groups = impact(&people, Selected::AtLeast(70.0));
        assert_eq!((groups[0].rate, groups[0].without_score), (Some(1.0), 1));
        assert_eq!((groups[1].rate, groups[1].impact_ratio, groups[1].mean), (None, None, None));
    }

    #[test]
    fn words_change_places_and_others_stay() {
        let pairs = [("he", "she"), ("김민준", "김서연"), ("아버지", "어머니")].map(|(one, other)| (one.to_owned(), other.to_owned()));
        assert_eq!(swapped("then he met her and she", &pairs).unwrap(), "then she met her and he");
        assert_eq!(swapped("김민준이라고 합니다 어머니와 아버지", &pairs).unwrap(), "김서연이라고 합니다 아버지와 어머니");
        assert_eq!(swapped("the weather", &pairs), None);
    }
}
