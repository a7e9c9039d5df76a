//! The numbers of the final report, computed from stored evaluations.
//!
//! Promises that only scored answers count, that an area without one is named and its weight shared out openly, and
//! that nothing is averaged over what is missing. The written part is [`crate::narrative`]'s.

use viva_core::evaluation::{Evaluation, ModelRecord, Note, SCHEMA_VERSION, Status};
use viva_core::report::{AreaScore, Counts, Narrative, NarrativeStatus, Report};

use crate::rubric::{Area, Rubric};
use crate::{Error, Judge, Language, narrative};

/// Under this many weights, a model's scores are not taken to mean anything: small ones give every answer the same
/// points, whatever it says.
pub const SMALLEST_JUDGE: u64 = 3_000_000_000;

/// Whose interview, and what came of its answers.
#[derive(Debug, Clone)]
pub struct Interview {
    /// The interview's row, if it has one.
    pub id: Option<i32>,
    /// Language of the report.
    pub language: Language,
    /// The position applied for.
    pub position: String,
    /// One per answer, in the order asked.
    pub evaluations: Vec<Evaluation>,
}

impl Judge {
    /// The report's numbers, without its written part: that is [`Judge::narrate`].
    pub fn report(&self, interview: Interview) -> Result<Report, Error> {
        compose(interview, self.rubric(), self.model())
    }
}

fn compose(interview: Interview, rubric: &Rubric, model: ModelRecord) -> Result<Report, Error> {
    let Interview { id, language, position, evaluations } = interview;
    if evaluations.is_empty() {
        return Err(Error::NoAnswers);
    }
    let areas = area_scores(&evaluations, rubric, language);
    let counts = counts(&evaluations);
    let overall = weighted(&areas).map(one_decimal);
    let stages = rubric.areas().iter().flat_map(|area| &area.stages);
    let is_scored = |stage: &str| evaluations.iter().any(|found| found.stage == stage && found.standing_total().is_some());
    Ok(Report {
        schema_version: SCHEMA_VERSION,
        interview_id: id,
        language: language.code().to_owned(),
        position,
        overall,
        band: overall.map(|score| rubric.band(score).id.clone()),
        rubric: rubric.reference().clone(),
        missing_areas: areas.iter().filter(|area| area.score.is_none()).map(|area| area.id.clone()).collect(),
        missing_stages: stages.filter(|stage| !is_scored(stage)).cloned().collect(),
        areas,
        counts,
        notices: too_small(&model, language).into_iter().collect(),
        strengths: Vec::new(),
        improvements: Vec::new(),
        summary: None,
        narrative: Narrative {
            status: if counts.scored == 0 { NarrativeStatus::NothingScored } else { NarrativeStatus::NotWritten },
            reason: None,
            usage: None,
            prompt_version: narrative::VERSION.to_owned(),
            computation: None,
        },
        model,
        evaluations,
    })
}

fn counts(evaluations: &[Evaluation]) -> Counts {
    // An answer that a person scored has a score, whatever the model could say about it.
    let without = |evaluation: &&Evaluation| evaluation.standing_total().is_none();
    let with = |status| evaluations.iter().filter(without).filter(|evaluation| evaluation.status == status).count();
    Counts {
        answers: evaluations.len(),
        scored: evaluations.iter().filter(|evaluation| evaluation.standing_total().is_some()).count(),
        insufficient_evidence: with(Status::InsufficientEvidence),
        failed: with(Status::Failed),
    }
}

fn area_scores(evaluations: &[Evaluation], rubric: &Rubric, language: Language) -> Vec<AreaScore> {
    let mut areas: Vec<AreaScore> = rubric.areas().iter().map(|area| area_score(area, evaluations, rubric, language)).collect();
    let present: f64 = areas.iter().filter(|area| area.score.is_some()).map(|area| area.weight).sum();
    for area in areas.iter_mut().filter(|area| area.score.is_some()) {
        area.applied_weight = Some(area.weight / present);
    }
    areas
}

fn area_score(area: &Area, evaluations: &[Evaluation], rubric: &Rubric, language: Language) -> AreaScore {
    let own: Vec<&Evaluation> = evaluations.iter().filter(|evaluation| evaluation.area == area.id).collect();
    let (score, follow_up) = with_follow_ups(area, &own, rubric);
    AreaScore {
        id: area.id.clone(),
        title: area.title.get(language).to_owned(),
        weight: area.weight,
        applied_weight: None,
        band: score.map(|score| rubric.band(score).id.clone()),
        score,
        follow_up,
        scored: own.iter().filter(|evaluation| evaluation.standing_total().is_some()).count(),
        answers: own.len(),
    }
}

/// The area's score, and what its follow-ups added to it. Without a rule, or with nothing but follow-ups, all answers count alike.
fn with_follow_ups(area: &Area, own: &[&Evaluation], rubric: &Rubric) -> (Option<f64>, Option<f64>) {
    let all = mean_total(own.iter().copied());
    let Some(rule) = &area.follow_up else { return (all, None) };
    let (deeper, first): (Vec<&Evaluation>, Vec<&Evaluation>) =
        own.iter().copied().partition(|evaluation| rule.stages.contains(&evaluation.stage));
    let points: Vec<f64> =
        deeper.iter().filter_map(|evaluation| Some(rubric.follow_up_points(rule, f64::from(evaluation.standing_total()?)))).collect();
    match mean_total(first.into_iter()) {
        Some(base) if !points.is_empty() => {
            let moved = one_decimal(points.iter().sum::<f64>() / points.len() as f64);
            (Some(one_decimal((base + moved).clamp(0.0, 100.0))), Some(moved))
        }
        base => (base.or(all), None),
    }
}

/// Mean of the totals that stand, one decimal; `None` without any.
pub(crate) fn mean_total<'a>(evaluations: impl Iterator<Item = &'a Evaluation>) -> Option<f64> {
    let totals: Vec<u32> = evaluations.filter_map(Evaluation::standing_total).collect();
    let sum = f64::from(totals.iter().sum::<u32>());
    (!totals.is_empty()).then(|| one_decimal(sum / totals.len() as f64))
}

fn weighted(areas: &[AreaScore]) -> Option<f64> {
    let parts: Vec<f64> = areas.iter().filter_map(|area| Some(area.score? * area.applied_weight?)).collect();
    (!parts.is_empty()).then(|| parts.iter().sum())
}

fn one_decimal(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn too_small(model: &ModelRecord, language: Language) -> Option<Note> {
    if model.parameters >= SMALLEST_JUDGE {
        return None;
    }
    let (name, millions) = (&model.name, model.parameters / 1_000_000);
    let detail = language.pick(
        format!(
            "이 점수는 작은 모델({name}, 매개변수 {millions}백만 개)이 매긴 것으로, 지원자에 대해 아무것도 말해 주지 않습니다. \
             프로그램이 동작하는 것을 보여 줄 뿐이니 판단에 쓰지 마세요."
        ),
        format!(
            "These scores come from a small model ({name}, {millions} million parameters) and mean nothing about the candidate. \
             They show that the software runs; do not decide anything by them."
        ),
    );
    Some(Note::new("model_too_small", detail))
}
