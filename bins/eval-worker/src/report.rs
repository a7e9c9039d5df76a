//! The final report of an interview: planned as parts, concluded when they have landed.
//!
//! Whoever asks for a report finds it, or leaves its task waiting for the plan and is done: the answers' evaluations travel as
//! tasks of their own, to any number of workers. The last one to land sends the waiting tasks on, as `viva.conclude_report`, and
//! the first of those to arrive writes the report; single flight answers the others.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use viva_core::evaluation::{Evaluation, Status};
use viva_core::report::{NarrativeStatus, Report};
use viva_core::store::{Letter, Relayed, ReportRow, Session, Waiter};
use viva_core::task::{self, Task};
use viva_core::{Digest, TaskError, TaskMessage};
use viva_scoring::platform::{self, ReportColumns};
use viva_worker::{Answer, Context, Flight, Handler, Step, Work};

use crate::answers::{misrouted, not_erased};
use crate::evaluator::{Said, interview, said};
use crate::{Evaluator, inference};

/// For so long whoever joins a plan leaves its parts to those who sent them.
const SEND_AGAIN_AFTER: Duration = Duration::from_secs(30);

/// `tasks.evaluator.generate_final_report`, and `viva.conclude_report`, which goes on with it.
#[derive(Debug)]
pub struct FinalReport {
    /// Computes and stores.
    pub evaluator: Evaluator,
    /// Keeps a report from being written twice.
    pub flight: Flight,
}

#[async_trait]
impl Handler for FinalReport {
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let (interview_id, concluding) = match task {
            Task::GenerateFinalReport { interview_id } => (interview_id, false),
            Task::ConcludeReport { interview_id } => (interview_id, true),
            _ => return Err(misrouted(&task)),
        };
        loop {
            let unit = self.evaluator.store.write().await?;
            not_erased(&unit, interview_id).await?;
            let said = said(&unit, interview_id).await?;
            let evaluations = unit.evaluations().newest(interview_id).await?;
            let missing = self.missing(&said, &evaluations, concluding);
            if missing.is_empty() {
                unit.rollback().await?;
                let report = self.evaluator.judge.report(interview(interview_id, said, evaluations))?;
                return self.conclude(report, interview_id, &task, &context).await;
            }
            let plan = self.plan(interview_id, &said);
            if self.wait_for(&unit, &plan, &said, &missing, &context).await? {
                tracing::debug!(step = "planning", "a report");
                unit.commit().await?;
                tracing::debug!(step = "planned", "a report");
                tracing::info!(interview_id, parts = missing.len(), "the report waits for its parts");
                return Ok(Answer::Later);
            }
        }
    }
}

impl FinalReport {
    /// The answers without an evaluation of what they say now. One that failed is tried again, once for each time that somebody
    /// asks: the conclusion takes it as it is.
    fn missing(&self, said: &Said, evaluations: &[Evaluation], concluding: bool) -> Vec<i32> {
        let stands = |answer: &viva_scoring::Answer| {
            let computation = self.evaluator.judge.computation(answer);
            evaluations.iter().any(|found| {
                found.transcript_id == answer.transcript_id
                    && found.provenance.computation == computation
                    && (concluding || found.status != Status::Failed)
            })
        };
        said.answers.iter().filter(|answer| !stands(answer)).filter_map(|answer| answer.transcript_id).collect()
    }

    /// The name of the plan: by all the answers, so that whoever asks while some are evaluated joins it.
    fn plan(&self, interview_id: i32, said: &Said) -> Digest {
        let answers: Vec<_> = said.answers.iter().map(|answer| (answer.transcript_id, self.evaluator.judge.computation(answer))).collect();
        let answers = serde_json::json!(answers).to_string();
        Digest::of_computation("report plan", &[("interview", &interview_id.to_string()), ("answers", &answers)])
    }

    /// Leaves the task waiting for the plan, which begins if nobody began it. False if it has ended meanwhile.
    ///
    /// Whoever joins a plan some time after its parts were sent sends the open ones again: if a broker lost them, asking again is the
    /// cure, and a part that comes twice is computed once.
    async fn wait_for(&self, unit: &Session, plan: &Digest, said: &Said, missing: &[i32], context: &Context) -> Result<bool, TaskError> {
        let begun = unit.report_plans().begin(plan, said.interview_id, missing).await?;
        let seen = unit.arrivals().place(&context.message.id).await?;
        let waiter = Waiter { worker: self.flight.worker().clone(), seen, message: context.message.clone() };
        if !unit.report_plans().wait(plan, &waiter).await? {
            return Ok(false);
        }
        if !begun && !unit.report_plans().send_again(plan, SEND_AGAIN_AFTER).await? {
            return Ok(true);
        }
        let mut parts = unit.report_plans().open(plan).await?;
        // The longest first: whoever begins a long one last has everybody wait for it.
        let length = |part: &i32| said.answers.iter().find(|answer| answer.transcript_id == Some(*part)).map(|answer| answer.text.len());
        parts.sort_by_key(|part| std::cmp::Reverse(length(part)));
        let letter = |transcript_id| {
            let part = task::EvaluatePart { plan: plan.clone(), transcript_id };
            // The same id each time: of two that wait for one computation, one is kept.
            let id = format!("{}-{transcript_id}", &plan.as_str()[..16]);
            let message = TaskMessage { id, ..Task::EvaluatePart(part).to_message() };
            (Relayed::By(self.flight.worker()), Letter::Task { message })
        };
        unit.outbox().post(&parts.into_iter().map(letter).collect::<Vec<_>>()).await?;
        Ok(true)
    }

    async fn conclude(&self, report: Report, interview_id: i32, task: &Task, context: &Context) -> Result<Answer, TaskError> {
        let evaluations: Vec<&str> = report.evaluations.iter().map(|evaluation| evaluation.evaluation_id.as_str()).collect();
        let narrative = self.evaluator.judge.narrative_computation(&report)?;
        let inputs = [("evaluations", evaluations.join(" ")), ("narrative", narrative), ("interview", interview_id.to_string())];
        let computation = Digest::of_computation("report", &inputs.each_ref().map(|(name, value)| (*name, value.as_str())));
        tracing::debug!(step = "concluding", "a report");
        let concluding = Concluding { evaluator: &self.evaluator, report, interview_id };
        self.flight.fly(&concluding, &computation, task, context).await
    }
}

/// The numbers of a report, on their way to its words.
struct Concluding<'e> {
    evaluator: &'e Evaluator,
    report: Report,
    interview_id: i32,
}

#[async_trait]
impl Work for Concluding<'_> {
    type Output = Report;

    /// The stored report, if it is the one that these evaluations make, with its words.
    async fn find(&self, unit: &Session) -> Result<Option<Report>, TaskError> {
        let Some(row) = unit.evaluation_reports().find(self.interview_id).await? else { return Ok(None) };
        let mut report = self.report.clone();
        self.evaluator.adopt_narrative(unit, self.interview_id, &mut report).await?;
        let is_whole = matches!(report.narrative.status, NarrativeStatus::Written | NarrativeStatus::NothingScored);
        let is_shown = row.details_json == Some(platform::report_columns(&report).details_json);
        Ok((is_whole && is_shown).then_some(report))
    }

    async fn compute(&self, cancel: &CancellationToken) -> Result<Report, TaskError> {
        let mut report = self.report.clone();
        let unit = self.evaluator.store.read().await?;
        self.evaluator.adopt_narrative(&unit, self.interview_id, &mut report).await?;
        unit.rollback().await?;
        if report.narrative.status == NarrativeStatus::Written {
            return Ok(report);
        }
        let judge = Arc::clone(&self.evaluator.judge);
        inference::run(cancel, move |cancel| {
            judge.narrate(&mut report, cancel)?;
            Ok(report)
        })
        .await
    }

    fn budget(&self) -> Duration {
        inference::budget(&self.evaluator.judge)
    }

    async fn compute_ticking(&self, cancel: &CancellationToken, step: &Step) -> Result<Report, TaskError> {
        inference::watched(&self.evaluator.judge, step, self.compute(cancel)).await
    }

    /// The report is its own target: it is stored where it is shown.
    async fn keep(&self, _: &Session, made: Report) -> Result<Report, TaskError> {
        Ok(made)
    }

    fn target(&self, _: &Task) -> Option<String> {
        Some(format!("report {}", self.interview_id))
    }

    async fn show(&self, unit: &Session, _: &Task, report: &Report) -> Result<(), TaskError> {
        let ReportColumns { technical_score, communication_score, cultural_fit_score, summary_text, details_json, evaluator_model } =
            platform::report_columns(report);
        let row = ReportRow {
            id: 0,
            interview_id: self.interview_id,
            technical_score,
            communication_score,
            cultural_fit_score,
            summary_text,
            details_json: Some(details_json),
            evaluator_model: Some(evaluator_model),
        };
        unit.evaluation_reports().put(&row).await?;
        unit.interviews().set_overall_score(self.interview_id, report.overall).await?;
        tracing::info!(self.interview_id, scored = report.counts.scored, failed = report.counts.failed, "report stored");
        Ok(())
    }

    fn answer(&self, _: &Task, _: &Report, _: bool) -> Value {
        Value::Null
    }
}
