//! Scores in the shape that an existing platform reads from its own tables.
//!
//! Owns the names of its JSON keys. Promises nulls where nothing is known, never a stand-in number.

use serde_json::{Map, Value, json};
use viva_core::evaluation::Evaluation;
use viva_core::report::{Narrative, NarrativeStatus, Report};

use crate::report::mean_total;

/// Columns of `evaluation_reports`.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportColumns {
    /// Mean of the `skill` stages, 0 to 100.
    pub technical_score: Option<f64>,
    /// Mean of the `communication` stages.
    pub communication_score: Option<f64>,
    /// Mean of the `responsibility` and `growth` means that there are.
    pub cultural_fit_score: Option<f64>,
    /// The summary; `None` if the model did not write one.
    pub summary_text: Option<String>,
    /// Everything else the platform shows.
    pub details_json: Value,
    /// The model's name and the start of its hash.
    pub evaluator_model: String,
}

/// The report as the platform's columns.
pub fn report_columns(report: &Report) -> ReportColumns {
    let of = |prefix: &str| mean_total(report.evaluations.iter().filter(|found| found.stage.starts_with(prefix)));
    let (responsibility, growth) = (of("responsibility"), of("growth"));
    let fit: Vec<f64> = [responsibility, growth].into_iter().flatten().collect();
    ReportColumns {
        technical_score: of("skill"),
        communication_score: of("communication"),
        cultural_fit_score: (!fit.is_empty()).then(|| fit.iter().sum::<f64>() / fit.len() as f64),
        summary_text: report.summary.clone(),
        details_json: json!({
            "overall_score": report.overall,
            "experience_score": of("experience"),
            "problem_solving_score": of("problem_solving"),
            "responsibility_score": responsibility,
            "growth_score": growth,
            "strengths": report.strengths,
            "improvements": report.improvements,
            "areas": report.areas,
            "counts": report.counts,
            "missing_stages": report.missing_stages,
            "notices": report.notices,
            "narrative": report.narrative,
            "rubric": report.rubric,
            "model": report.model,
        }),
        evaluator_model: format!("{}@{}", report.model.name, report.model.sha256.get(..12).unwrap_or_default()),
    }
}

/// Takes the written part over from the stored columns of an earlier report, if it came of the computation of that name.
/// A failed one has no words, and is taken over as such.
pub fn adopt_narrative(report: &mut Report, details: &Value, summary: Option<&str>, computation: &str) -> bool {
    let stored = |key: &str| details.get(key).cloned().unwrap_or_default();
    let points = |key| serde_json::from_value::<Vec<String>>(stored(key));
    let (Ok(narrative), Ok(strengths), Ok(improvements)) =
        (serde_json::from_value::<Narrative>(stored("narrative")), points("strengths"), points("improvements"))
    else {
        return false;
    };
    let whole = (narrative.status == NarrativeStatus::Written) == summary.is_some();
    if !whole || narrative.computation.as_deref() != Some(computation) {
        return false;
    }
    report.strengths = strengths;
    report.improvements = improvements;
    report.summary = summary.map(str::to_owned);
    report.narrative = narrative;
    true
}

/// `transcripts.rubric_score`: the area, the points of each item and the points each can get. `None` without a score.
pub fn rubric_score(evaluation: &Evaluation, area_title: &str) -> Option<Value> {
    evaluation.total?;
    let by_title = |value: fn(&viva_core::evaluation::Item) -> u32| -> Map<String, Value> {
        evaluation.items.iter().map(|item| (item.title.clone(), json!(value(item)))).collect()
    };
    Some(json!({
        "평가영역": area_title,
        "세부항목점수": by_title(|item| item.score),
        "항목별배점": by_title(|item| item.max),
    }))
}

/// The result of `tasks.evaluator.analyze_answer`: the platform's three keys, and why they are null if they are.
pub fn answer_result(evaluation: &Evaluation) -> Value {
    let scores: Map<String, Value> = evaluation.items.iter().map(|item| (item.title.clone(), json!(item.score))).collect();
    json!({
        "total_score": evaluation.total,
        "rubric_scores": scores,
        "feedback": evaluation.feedback,
        "status": evaluation.status,
        "reason": evaluation.reason,
        "warnings": evaluation.warnings,
    })
}
