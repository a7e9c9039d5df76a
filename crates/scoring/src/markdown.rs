//! The report as Markdown, for people.
//!
//! Promises to show what is missing as plainly as what is there, and that no text of a candidate or a model can become
//! markup.

use std::fmt::Write as _;

use viva_core::evaluation::{Evaluation, Note};
use viva_core::report::{NarrativeStatus, Report};

use crate::labels::Labels;
use crate::rubric::Rubric;
use crate::{Error, Language};

const INFALLIBLE: &str = "writing to a string cannot fail; this is a bug";

/// Renders `report` in its own language; `rubric` gives the names of bands and areas.
pub fn render(report: &Report, rubric: &Rubric) -> Result<String, Error> {
    let language: Language = report.language.parse()?;
    let page = Page { report, rubric, language, labels: Labels::of(language) };
    let sections = [page.head(), page.areas(), page.narrative(), page.questions(), page.answers(), page.made()];
    Ok(sections.concat())
}

struct Page<'a> {
    report: &'a Report,
    rubric: &'a Rubric,
    language: Language,
    labels: &'static Labels,
}

impl Page<'_> {
    fn head(&self) -> String {
        let (report, labels) = (self.report, self.labels);
        let mut text = format!("# {}: {}\n\n", labels.title, escape(&report.position));
        for notice in &report.notices {
            writeln!(text, "> **{}** {}\n", labels.notice, escape(&notice.detail)).expect(INFALLIBLE);
        }
        let overall = match (report.overall, &report.band) {
            (Some(score), Some(band)) => format!("{score:.1} / 100 ({})", self.band(band)),
            _ => labels.no_score.to_owned(),
        };
        let counts = report.counts;
        writeln!(text, "**{}: {overall}**\n", labels.overall).expect(INFALLIBLE);
        writeln!(
            text,
            "{}: {} · {}: {} · {}: {} · {}: {}\n",
            labels.answers,
            counts.answers,
            labels.scored,
            counts.scored,
            labels.insufficient,
            counts.insufficient_evidence,
            labels.failed,
            counts.failed
        )
        .expect(INFALLIBLE);
        text
    }

    fn areas(&self) -> String {
        let labels = self.labels;
        let mut text = format!("## {}\n\n{}\n|---|---|---|---|---|\n", labels.areas, labels.area_columns);
        for area in &self.report.areas {
            let score = area.score.map_or_else(|| labels.no_score.to_owned(), |score| format!("{score:.1}"));
            let band = area.band.as_deref().map_or_else(|| "-".to_owned(), |band| self.band(band));
            let weight = area.applied_weight.map_or_else(|| "-".to_owned(), |weight| format!("{:.1} %", weight * 100.0));
            let stated = area.weight * 100.0;
            writeln!(text, "| {} | {score} | {band} | {stated:.0} % | {weight} |", escape(&area.title)).expect(INFALLIBLE);
        }
        if !self.report.missing_areas.is_empty() {
            writeln!(text, "\n{}", labels.renormalised).expect(INFALLIBLE);
        }
        if !self.report.missing_stages.is_empty() {
            writeln!(text, "\n{}: {}", labels.missing_stages, self.report.missing_stages.join(", ")).expect(INFALLIBLE);
        }
        text.push('\n');
        text
    }

    fn narrative(&self) -> String {
        let (report, labels) = (self.report, self.labels);
        let mut text = format!("## {}\n\n", labels.summary);
        match report.narrative.status {
            NarrativeStatus::Written => {
                writeln!(text, "{}\n", escape(report.summary.as_deref().unwrap_or_default())).expect(INFALLIBLE);
                for (heading, points) in [(labels.strengths, &report.strengths), (labels.improvements, &report.improvements)] {
                    writeln!(text, "### {heading}\n").expect(INFALLIBLE);
                    for point in points {
                        writeln!(text, "- {}", escape(point)).expect(INFALLIBLE);
                    }
                    text.push('\n');
                }
            }
            NarrativeStatus::Failed => {
                let why = report.narrative.reason.as_ref().map(|reason| escape(&reason.detail)).unwrap_or_default();
                writeln!(text, "{} {why}\n", labels.narrative_failed).expect(INFALLIBLE);
            }
            NarrativeStatus::NotWritten => writeln!(text, "{}\n", labels.not_written).expect(INFALLIBLE),
            NarrativeStatus::NothingScored => writeln!(text, "{}\n", labels.nothing_scored).expect(INFALLIBLE),
        }
        text
    }

    fn questions(&self) -> String {
        let mut text = format!("## {}\n\n{}\n|---|---|---|---|\n", self.labels.questions, self.labels.question_columns);
        for (index, evaluation) in self.report.evaluations.iter().enumerate() {
            let (stage, question) = (&evaluation.stage, escape(&evaluation.question));
            writeln!(text, "| {} | {stage} | {question} | {} |", index + 1, self.outcome(evaluation)).expect(INFALLIBLE);
        }
        text.push('\n');
        text
    }

    fn answers(&self) -> String {
        let mut text = format!("## {}\n\n", self.labels.details);
        for (index, evaluation) in self.report.evaluations.iter().enumerate() {
            let outcome = self.outcome(evaluation);
            writeln!(text, "### {}. {}\n\n**{outcome}**\n", index + 1, escape(&evaluation.question)).expect(INFALLIBLE);
            text.push_str(&self.answer(evaluation));
        }
        text
    }

    fn answer(&self, evaluation: &Evaluation) -> String {
        let mut text = String::new();
        if let Some(Note { code, detail }) = &evaluation.reason {
            writeln!(text, "{} (`{code}`)\n", escape(detail)).expect(INFALLIBLE);
        }
        for item in &evaluation.items {
            let quotes: Vec<String> = item
                .evidence
                .iter()
                .map(|evidence| format!("“{}” [{}-{}]", escape(&evidence.quote), evidence.start, evidence.end))
                .collect();
            let quotes = if quotes.is_empty() { self.labels.no_evidence.to_owned() } else { quotes.join(", ") };
            let expected = item.expected.map(|points| format!(" ({} {points:.1})", self.labels.expected)).unwrap_or_default();
            writeln!(text, "- {} **{} / {}**{expected}: {quotes}", escape(&item.title), item.score, item.max).expect(INFALLIBLE);
        }
        if let Some(feedback) = &evaluation.feedback {
            writeln!(text, "\n{}: {}\n", self.labels.feedback, escape(feedback)).expect(INFALLIBLE);
        }
        for warning in &evaluation.warnings {
            writeln!(text, "> {}: {} (`{}`)\n", self.labels.warning, escape(&warning.detail), warning.code).expect(INFALLIBLE);
        }
        text
    }

    fn made(&self) -> String {
        let (model, rubric) = (&self.report.model, &self.report.rubric);
        format!(
            "## {}\n\n{}\n\n- {}: {} ({}, {}), `{}`\n- {}: {} ({})\n- {}: {} {}, `{}`\n",
            self.labels.made,
            self.labels.how,
            self.labels.model,
            escape(&model.name),
            escape(&model.architecture),
            escape(&model.quantisation),
            model.sha256,
            self.labels.engine,
            escape(&model.engine),
            escape(&model.numeric_class),
            self.labels.rubric,
            escape(&rubric.id),
            escape(&rubric.version),
            rubric.sha256,
        )
    }

    fn outcome(&self, evaluation: &Evaluation) -> String {
        if let Some((review, total)) = evaluation.human_review.as_ref().and_then(|review| Some((review, review.total?))) {
            let before = evaluation.total.map_or_else(|| self.labels.no_score.to_owned(), |total| total.to_string());
            let (reviewer, reason) = (escape(&review.reviewer), escape(&review.reason));
            return format!(
                "{total} / {} ({}: {reviewer}, {reason}; {} {before})",
                evaluation.max, self.labels.reviewed, self.labels.before
            );
        }
        match (evaluation.total, &evaluation.band, &evaluation.reason) {
            (Some(total), Some(band), _) => format!("{total} / {} ({})", evaluation.max, self.band(band)),
            (_, _, Some(reason)) => format!("{}: {}", self.labels.no_score, escape(&reason.detail)),
            _ => self.labels.no_score.to_owned(),
        }
    }

    fn band(&self, id: &str) -> String {
        self.rubric.band_named(id).map_or_else(|| id.to_owned(), |band| band.title.get(self.language).to_owned())
    }
}

/// Text of others as one line without markup, in Markdown, in its tables, and in HTML made from it.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => escaped.extend(['\\', character]),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}
