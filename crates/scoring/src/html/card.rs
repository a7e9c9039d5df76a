//! One answer: what was asked, what was said with its quotes marked, what it came to.

use std::fmt::Write as _;

use viva_core::evaluation::{Evaluation, Item, Status};

use super::{INFALLIBLE, Page, all, escape};

impl Page<'_> {
    pub(super) fn card(&self, number: usize, evaluation: &Evaluation) -> String {
        let mut text = format!(
            "<article class=\"card\">\n<header>\n<div><div class=\"stage\">{number} · {}</div><h3>{}</h3></div>\n{}</header>\n",
            escape(&evaluation.stage),
            escape(&evaluation.question),
            self.score(evaluation),
        );
        if evaluation.status != Status::Scored
            && let Some(reason) = &evaluation.reason
        {
            writeln!(text, "<p class=\"flag\">{}</p>", escape(&reason.detail)).expect(INFALLIBLE);
        }
        if !evaluation.answer.is_empty() {
            writeln!(
                text,
                "<div class=\"said\"><span class=\"soft\">{}</span><br>{}</div>",
                self.labels.transcript,
                said(evaluation, self.labels.withheld)
            )
            .expect(INFALLIBLE);
        }
        if !evaluation.items.is_empty() {
            let items: String = evaluation.items.iter().enumerate().map(|(index, item)| self.item(index, item)).collect();
            writeln!(text, "<ul class=\"items\">\n{items}</ul>").expect(INFALLIBLE);
        }
        if let Some(feedback) = &evaluation.feedback {
            writeln!(text, "<p><b>{}</b> {}</p>", self.labels.feedback, escape(feedback)).expect(INFALLIBLE);
        }
        for warning in &evaluation.warnings {
            writeln!(text, "<p class=\"flag\">{}: {}</p>", self.labels.warning, escape(&warning.detail)).expect(INFALLIBLE);
        }
        text.push_str(&self.review(evaluation));
        text.push_str(&self.facts(evaluation));
        text.push_str("</article>\n");
        text
    }

    fn score(&self, evaluation: &Evaluation) -> String {
        let labels = self.labels;
        let Some(total) = evaluation.standing_total() else {
            return format!("<div class=\"score\"><small>{}</small></div>\n", labels.no_score);
        };
        let mut small = vec![format!("/ {} · {}", evaluation.max, escape(self.rubric.band(f64::from(total)).title.get(self.language)))];
        small.extend(evaluation.expected_total.map(|points| format!("{} {points:.1}", labels.expected_total)));
        small.extend(evaluation.confidence.as_ref().map(|sure| format!("{} {:.0} %", labels.confidence, sure.value * 100.0)));
        let small = all(small.iter().map(|line| format!("<small>{line}</small>")));
        format!("<div class=\"score\">{total}{small}</div>\n")
    }

    fn item(&self, index: usize, item: &Item) -> String {
        let share = |points: f64| 100.0 * points / f64::from(item.max.max(1));
        let expected = item.expected.map(|points| format!(" <span class=\"soft\">({} {points:.1})</span>", self.labels.expected));
        let tick = item.expected.map(|points| format!("<b style=\"left:{:.1}%\"></b>", share(points).min(99.4))).unwrap_or_default();
        let none =
            if item.evidence.is_empty() { format!(" <span class=\"soft\">· {}</span>", self.labels.no_evidence) } else { String::new() };
        format!(
            "<li class=\"item\"><span><span class=\"letter\">{}</span>{}{none}</span><span class=\"points\"><b>{}</b> / {}{}</span>\
             <span class=\"bar\"><i style=\"width:{:.1}%\"></i>{tick}</span></li>\n",
            letter(index),
            escape(&item.title),
            item.score,
            item.max,
            expected.unwrap_or_default(),
            share(f64::from(item.score)),
        )
    }

    fn review(&self, evaluation: &Evaluation) -> String {
        let Some(review) = &evaluation.human_review else { return String::new() };
        let before = evaluation.total.map_or_else(|| self.labels.no_score.to_owned(), |total| total.to_string());
        format!(
            "<p class=\"review\"><b>{}</b> {}: {} <span class=\"soft\">({} {before})</span></p>\n",
            self.labels.reviewed,
            escape(&review.reviewer),
            escape(&review.reason),
            self.labels.before
        )
    }

    fn facts(&self, evaluation: &Evaluation) -> String {
        let (speech, labels) = (&evaluation.speech, self.labels);
        let mut facts = vec![format!("{} {}", labels.characters, speech.characters), format!("{} {}", labels.words, speech.words)];
        let fillers: Vec<String> = speech.fillers.iter().map(|(word, count)| format!("{} {count}", escape(word))).collect();
        if !fillers.is_empty() {
            facts.push(format!("{}: {}", labels.fillers, fillers.join(", ")));
        }
        facts.extend(speech.characters_per_second.map(|pace| format!("{pace:.1} /s")));
        format!(
            "<p class=\"facts\">{}: {}. {}<br>{} <code>{}</code></p>\n",
            labels.spoken,
            facts.join(" · "),
            labels.facts_only,
            labels.record,
            escape(&evaluation.evaluation_id)
        )
    }
}

/// The item's sign in the margin and in the text: A, B, C ...
fn letter(index: usize) -> char {
    char::from(b'A' + (index % 26) as u8)
}

/// The answer with each quote marked by the items that rest on it, and what the model was not shown struck out.
fn said(evaluation: &Evaluation, withheld_label: &str) -> String {
    let characters: Vec<char> = evaluation.answer.chars().collect();
    let quotes: Vec<(usize, usize, usize)> = evaluation
        .items
        .iter()
        .enumerate()
        .flat_map(|(index, item)| item.evidence.iter().map(move |evidence| (evidence.start, evidence.end, index)))
        .collect();
    let withheld = evaluation.withheld.iter().map(|passage| (passage.start, passage.end));
    let mut cuts: Vec<usize> = quotes.iter().flat_map(|&(start, end, _)| [start, end]).collect();
    cuts.extend(withheld.flat_map(|(start, end)| [start, end]));
    cuts.extend([0, characters.len()]);
    cuts.retain(|cut| *cut <= characters.len());
    cuts.sort_unstable();
    cuts.dedup();
    let mut text = String::new();
    for piece in cuts.windows(2) {
        let (start, end) = (piece[0], piece[1]);
        let plain = escape(&characters[start..end].iter().collect::<String>());
        let covering = |&&(from, to, _): &&(usize, usize, usize)| from <= start && end <= to;
        let letters: String = quotes.iter().filter(covering).map(|&(.., index)| letter(index)).collect();
        if evaluation.withheld.iter().any(|passage| passage.start <= start && end <= passage.end) {
            write!(text, "<s title=\"{withheld_label}\">{plain}</s>").expect(INFALLIBLE);
        } else if letters.is_empty() {
            text.push_str(&plain);
        } else {
            write!(text, "<mark>{plain}<sup>{letters}</sup></mark>").expect(INFALLIBLE);
        }
    }
    text
}
