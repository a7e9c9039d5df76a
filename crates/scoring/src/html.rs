//! The report as one page of HTML: nothing to fetch, nothing that runs, to be read, printed or sent on.
//!
//! Promises that no text of a candidate, a model or a platform can become markup (all of it passes `escape`), that the page
//! asks nobody for anything (its own policy forbids it), and that what is missing is shown as plainly as what is there.

mod card;
mod radar;

use std::fmt::Write as _;

use viva_core::report::{NarrativeStatus, Report};

use crate::labels::Labels;
use crate::rubric::Rubric;
use crate::{Error, Language};

pub(crate) const INFALLIBLE: &str = "writing to a string cannot fail; this is a bug";
const STYLE: &str = include_str!("html/style.css");

/// Renders `report` in its own language; `rubric` gives the names of bands and areas.
pub fn render(report: &Report, rubric: &Rubric) -> Result<String, Error> {
    let language: Language = report.language.parse()?;
    let page = Page { report, rubric, language, labels: Labels::of(language) };
    let title = format!("{}: {}", page.labels.title, escape(&report.position));
    let body = [page.head(), page.areas(), page.narrative(), page.answers(), page.missing(), page.made()].concat();
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        language.code()
    ))
}

pub(crate) struct Page<'a> {
    report: &'a Report,
    rubric: &'a Rubric,
    language: Language,
    labels: &'static Labels,
}

impl Page<'_> {
    fn head(&self) -> String {
        let (report, labels, counts) = (self.report, self.labels, self.report.counts);
        let mut text = format!("<h1>{}</h1>\n<p class=\"soft\">{}</p>\n", labels.title, escape(&report.position));
        for notice in &report.notices {
            writeln!(text, "<p class=\"notice\"><b>{}</b> {}</p>", labels.notice, escape(&notice.detail)).expect(INFALLIBLE);
        }
        let overall = match (report.overall, &report.band) {
            (Some(score), Some(band)) => {
                format!("<div class=\"overall\">{score:.1} <small>/ 100 · {}</small></div>", escape(&self.band(band)))
            }
            _ => format!("<div class=\"overall\"><small>{}</small></div>", labels.no_score),
        };
        let numbers = [
            (labels.answers, counts.answers),
            (labels.scored, counts.scored),
            (labels.insufficient, counts.insufficient_evidence),
            (labels.failed, counts.failed),
        ];
        let numbers = all(numbers.iter().map(|(name, number)| format!("<li>{name} <b>{number}</b></li>")));
        writeln!(
            text,
            "<section class=\"panel head\">\n<div><div class=\"soft\">{}</div>{overall}</div>\n<ul class=\"counts\">{numbers}</ul>\n</section>",
            labels.overall
        )
        .expect(INFALLIBLE);
        text
    }

    fn areas(&self) -> String {
        let labels = self.labels;
        let mut rows = String::new();
        for area in &self.report.areas {
            let score = area.score.map_or_else(|| labels.no_score.to_owned(), |score| format!("{score:.1}"));
            let band = area.band.as_deref().map_or_else(|| "–".to_owned(), |band| escape(&self.band(band)));
            let stated = area.weight * 100.0;
            let weight = area.applied_weight.map_or_else(|| "–".to_owned(), |weight| format!("{:.0} %", weight * 100.0));
            let follow_up = area
                .follow_up
                .filter(|moved| *moved != 0.0)
                .map(|moved| format!("<br><span class=\"soft\">{} {moved:+.1}</span>", labels.follow_up));
            writeln!(
                rows,
                "<tr><td>{}</td><td class=\"number\">{score}{}</td><td>{band}</td><td class=\"number wide\">{stated:.0} %</td><td class=\"number\">{weight}</td></tr>",
                escape(&area.title),
                follow_up.unwrap_or_default(),
            )
            .expect(INFALLIBLE);
        }
        let columns: Vec<&str> = labels.area_columns.trim_matches(['|', ' ']).split('|').map(str::trim).collect();
        let heads: String = columns
            .iter()
            .zip(["", "number", "", "number wide", "number"])
            .map(|(name, class)| format!("<th scope=\"col\" class=\"{class}\">{name}</th>").replace(" class=\"\"", ""))
            .collect();
        let missing =
            if self.report.missing_areas.is_empty() { String::new() } else { format!("<p class=\"soft\">{}</p>\n", labels.renormalised) };
        format!(
            "<h2>{}</h2>\n<section class=\"panel\">\n<div class=\"areas\">\n{}<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n{missing}</section>\n",
            labels.areas,
            radar::draw(&self.report.areas, labels),
        )
    }

    fn narrative(&self) -> String {
        let (report, labels) = (self.report, self.labels);
        let text = match report.narrative.status {
            NarrativeStatus::Written => {
                let mut text = format!("<p>{}</p>\n", escape(report.summary.as_deref().unwrap_or_default()));
                for (heading, points) in [(labels.strengths, &report.strengths), (labels.improvements, &report.improvements)] {
                    let points = all(points.iter().map(|point| format!("<li>{}</li>", escape(point))));
                    writeln!(text, "<h3>{heading}</h3>\n<ul>{points}</ul>").expect(INFALLIBLE);
                }
                text
            }
            NarrativeStatus::Failed => {
                let why = report.narrative.reason.as_ref().map(|reason| escape(&reason.detail)).unwrap_or_default();
                format!("<p>{} <span class=\"soft\">{why}</span></p>\n", labels.narrative_failed)
            }
            NarrativeStatus::NotWritten => format!("<p>{}</p>\n", labels.not_written),
            NarrativeStatus::NothingScored => format!("<p>{}</p>\n", labels.nothing_scored),
        };
        format!("<h2>{}</h2>\n<section class=\"panel\">\n{text}</section>\n", labels.summary)
    }

    fn answers(&self) -> String {
        let cards: String =
            self.report.evaluations.iter().enumerate().map(|(index, evaluation)| self.card(index + 1, evaluation)).collect();
        format!("<h2>{}</h2>\n{cards}", self.labels.details)
    }

    fn missing(&self) -> String {
        let (report, labels) = (self.report, self.labels);
        let title = |id: &String| report.areas.iter().find(|area| area.id == *id).map_or(id.clone(), |area| area.title.clone());
        let areas: Vec<String> = report.missing_areas.iter().map(title).collect();
        let lists = [(labels.missing_areas, areas), (labels.missing_stages, report.missing_stages.clone())];
        let mut text = String::new();
        for (name, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
            writeln!(text, "<p>{name}: {}</p>", escape(&list.join(", "))).expect(INFALLIBLE);
        }
        for (index, evaluation) in report.evaluations.iter().enumerate() {
            if let (None, Some(reason)) = (evaluation.standing_total(), &evaluation.reason) {
                writeln!(text, "<p>{}. {}: {}</p>", index + 1, escape(&evaluation.stage), escape(&reason.detail)).expect(INFALLIBLE);
            }
        }
        if text.is_empty() {
            text = format!("<p>{}</p>\n", labels.nothing_missing);
        }
        format!("<h2>{}</h2>\n<section class=\"panel\">\n{text}</section>\n", labels.missing)
    }

    fn made(&self) -> String {
        let (report, labels, model) = (self.report, self.labels, &self.report.model);
        let mut facts = vec![
            (labels.model, format!("{} ({}, {})", model.name, model.architecture, model.quantisation), Some(&model.sha256)),
            (labels.engine, format!("{} ({})", model.engine, model.numeric_class), None),
            (labels.rubric, format!("{} {}", report.rubric.id, report.rubric.version), Some(&report.rubric.sha256)),
        ];
        if let Some(first) = report.evaluations.first() {
            facts.push((labels.prompt, first.provenance.prompt_version.clone(), None));
            facts.push((labels.seed, first.provenance.sampling.seed.to_string(), None));
        }
        let facts = all(facts.iter().map(|(name, value, sha256)| {
            let sha256 = sha256.map(|sha256| format!("<br><code>{}</code>", escape(sha256))).unwrap_or_default();
            format!("<dt>{name}</dt><dd>{}{sha256}</dd>\n", escape(value))
        }));
        format!(
            "<h2>{}</h2>\n<section class=\"panel made\">\n<p>{}</p>\n<p>{}</p>\n<dl>\n{facts}</dl>\n</section>\n",
            labels.made, labels.how, labels.challenge
        )
    }

    fn band(&self, id: &str) -> String {
        self.rubric.band_named(id).map_or_else(|| id.to_owned(), |band| band.title.get(self.language).to_owned())
    }
}

/// Pieces in one.
pub(crate) fn all(pieces: impl Iterator<Item = String>) -> String {
    pieces.collect::<Vec<_>>().concat()
}

/// Text of others as text: in content and in quoted attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push('\n'),
            // Characters that turn the writing round would let a text reorder what stands around it.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
