//! One answer from question to stored score: asked for by the platform, or as a part of a report.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use viva_core::evaluation::{Evaluation, Note};
use viva_core::store::{Letter, Relayed, Session, Waiter};
use viva_core::task::{self, Task};
use viva_core::{ErrorClass, TaskError};
use viva_scoring::{Language, platform};
use viva_worker::{Answer, Context, Flight, Handler, Step, Work};

use crate::evaluator::{adopt, said};
use crate::{Evaluator, inference};

/// `tasks.evaluator.analyze_answer`: scores one answer, once however many ask.
#[derive(Debug)]
pub struct AnalyzeAnswer {
    /// Computes and stores.
    pub evaluator: Evaluator,
    /// Keeps equal answers from being computed twice.
    pub flight: Flight,
}

/// `viva.evaluate_part`: scores one answer of an interview whose report waits for it.
#[derive(Debug)]
pub struct EvaluatePart {
    /// Computes and stores.
    pub evaluator: Evaluator,
    /// Keeps equal answers from being computed twice.
    pub flight: Flight,
}

#[async_trait]
impl Handler for AnalyzeAnswer {
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let Task::AnalyzeAnswer(analyze) = &task else { return Err(misrouted(&task)) };
        if analyze.rubric.as_ref().is_some_and(|rubric| rubric.as_object().is_some_and(|fields| !fields.is_empty())) {
            tracing::warn!(transcript_id = analyze.transcript_id, "the task's own rubric is not used; scores follow the configured one");
        }
        let unit = self.evaluator.store.read().await?;
        let answer = stored_answer(&unit, analyze).await?;
        unit.rollback().await?;
        self.evaluator.judge().rubric().area_of(&answer.stage)?;
        let computation = self.evaluator.judge.computation(&answer).parse().map_err(TaskError::permanent)?;
        let judging = Judging { evaluator: &self.evaluator, answer, attempt: context.attempt };
        self.flight.fly(&judging, &computation, &task, &context).await
    }
}

#[async_trait]
impl Handler for EvaluatePart {
    /// The part lands in a unit of work of its own, before its delivery is settled: one that comes again finds the evaluation,
    /// and lands.
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let Task::EvaluatePart(part) = &task else { return Err(misrouted(&task)) };
        let unit = self.evaluator.store.read().await?;
        let answer = part_answer(&unit, part.transcript_id).await?;
        unit.rollback().await?;
        let computation = self.evaluator.judge.computation(&answer).parse().map_err(TaskError::permanent)?;
        let judging = Judging { evaluator: &self.evaluator, answer, attempt: context.attempt };
        let answered = self.flight.fly(&judging, &computation, &task, &context).await?;
        // One that waits for somebody else's computation is sent again when that is done, and lands then.
        if let Answer::Now(_) = answered {
            let unit = self.evaluator.store.write().await?;
            land(&unit, &self.flight, part).await?;
            tracing::debug!(step = "landing", "a report's part");
            unit.commit().await?;
            tracing::debug!(step = "landed", "a report's part");
        }
        Ok(answered)
    }

    /// The report comes out without this answer's score, and says so.
    async fn abandon(&self, task: &Task, reason: &str) -> Result<(), TaskError> {
        let Task::EvaluatePart(part) = task else { return Ok(()) };
        let unit = self.evaluator.store.write().await?;
        match part_answer(&unit, part.transcript_id).await {
            Ok(answer) => {
                let failed = self.evaluator.judge.refuse(&answer, Note::new("abandoned", reason));
                unit.evaluations().record(&failed).await?;
            }
            // Deleted meanwhile: there is nothing to say about it.
            Err(error) if error.class() == ErrorClass::Permanent => {}
            Err(error) => return Err(error),
        }
        land(&unit, &self.flight, part).await?;
        Ok(unit.commit().await?)
    }
}

/// The last part to land sends on the tasks that wait for the report.
async fn land(unit: &Session, flight: &Flight, part: &task::EvaluatePart) -> Result<(), TaskError> {
    let Some(interview_id) = unit.report_plans().interview(&part.plan).await? else { return Ok(()) };
    let waited = unit.report_plans().land(&part.plan, part.transcript_id).await?;
    let conclude = Task::ConcludeReport { interview_id };
    let letter = |waiter: Waiter| (Relayed::By(flight.worker()), Letter::Task { message: waiter.message.continued_as(&conclude) });
    Ok(unit.outbox().post(&waited.into_iter().map(letter).collect::<Vec<_>>()).await?)
}

/// Nothing more is thought about a candidate who asked to be forgotten.
pub(crate) async fn not_erased(unit: &Session, interview_id: i32) -> Result<(), TaskError> {
    if unit.is_erased(interview_id).await? {
        return Err(TaskError::permanent(format!("interview {interview_id} was erased")));
    }
    Ok(())
}

/// An answer as it stands in its interview.
async fn part_answer(unit: &Session, transcript_id: i32) -> Result<viva_scoring::Answer, TaskError> {
    let transcript = unit.transcripts().get(transcript_id).await?;
    not_erased(unit, transcript.interview_id).await?;
    let mut answers = said(unit, transcript.interview_id).await?.answers;
    answers.retain(|answer| answer.transcript_id == Some(transcript_id));
    answers.pop().ok_or_else(|| TaskError::permanent(format!("transcript {transcript_id} is no answer of a candidate")))
}

/// The task with what the store knows beside it. A stage that the producer does not name is the question's own.
async fn stored_answer(unit: &Session, task: &task::AnalyzeAnswer) -> Result<viva_scoring::Answer, TaskError> {
    let transcript = unit.transcripts().get(task.transcript_id).await?;
    not_erased(unit, transcript.interview_id).await?;
    let question_id = task.question_id.or(transcript.question_id);
    let stage = match (&task.question_type, question_id) {
        (Some(stage), _) => Some(stage.clone()),
        (None, Some(id)) => unit.questions().get(id).await?.question_type,
        (None, None) => None,
    };
    let language = Language::detect(&format!("{}{}", task.question_text, task.answer_text));
    Ok(viva_scoring::Answer {
        interview_id: Some(transcript.interview_id),
        transcript_id: Some(transcript.id),
        question_id,
        stage: stage
            .ok_or_else(|| TaskError::permanent("neither question_type nor the question says which stage the answer belongs to"))?,
        question: task.question_text.clone(),
        text: task.answer_text.clone(),
        language,
        seconds: None,
    })
}

/// An answer on its way to its evaluation.
struct Judging<'e> {
    evaluator: &'e Evaluator,
    answer: viva_scoring::Answer,
    attempt: u32,
}

#[async_trait]
impl Work for Judging<'_> {
    type Output = Evaluation;

    async fn find(&self, unit: &Session) -> Result<Option<Evaluation>, TaskError> {
        Ok(unit.evaluations().find_computed(&self.evaluator.judge.computation(&self.answer)).await?)
    }

    async fn compute(&self, cancel: &CancellationToken) -> Result<Evaluation, TaskError> {
        let mut made = self.evaluator.compute(self.answer.clone(), cancel).await?;
        made.provenance.attempt = self.attempt;
        Ok(made)
    }

    fn budget(&self) -> Duration {
        inference::budget(&self.evaluator.judge)
    }

    async fn compute_ticking(&self, cancel: &CancellationToken, step: &Step) -> Result<Evaluation, TaskError> {
        inference::watched(&self.evaluator.judge, step, self.compute(cancel)).await
    }

    /// Whoever asked to be forgotten while the model thought is forgotten.
    async fn keep(&self, unit: &Session, made: Evaluation) -> Result<Evaluation, TaskError> {
        if let Some(interview) = made.interview_id {
            not_erased(unit, interview).await?;
        }
        unit.rubrics().keep(self.evaluator.judge.rubric().yaml()).await?;
        Ok(unit.evaluations().record(&made).await?)
    }

    fn target(&self, task: &Task) -> Option<String> {
        match task {
            Task::AnalyzeAnswer(task) => Some(format!("transcript {}", task.transcript_id)),
            Task::EvaluatePart(part) => Some(format!("transcript {}", part.transcript_id)),
            _ => None,
        }
    }

    /// Another answer of the same words to the same question has the same score, under its own ids.
    async fn show(&self, unit: &Session, task: &Task, evaluation: &Evaluation) -> Result<(), TaskError> {
        let transcript_id = match task {
            Task::AnalyzeAnswer(analyze) => analyze.transcript_id,
            Task::EvaluatePart(part) => part.transcript_id,
            _ => return Ok(()),
        };
        if evaluation.transcript_id == Some(transcript_id) {
            return self.evaluator.show(unit, evaluation).await;
        }
        let answer = match task {
            Task::AnalyzeAnswer(analyze) => stored_answer(unit, analyze).await,
            _ => part_answer(unit, transcript_id).await,
        };
        let answer = match answer {
            // Deleted or erased meanwhile: the others who wait have their score all the same.
            Err(error) if error.class() == ErrorClass::Permanent => {
                tracing::warn!(transcript_id, %error, "a score has nowhere to go");
                return Ok(());
            }
            answer => answer?,
        };
        let adopted = adopt(evaluation.clone(), &answer);
        let stands = unit.evaluations().record(&adopted).await?;
        self.evaluator.show(unit, &stands).await
    }

    fn answer(&self, _: &Task, evaluation: &Evaluation, _: bool) -> Value {
        platform::answer_result(evaluation)
    }
}

pub(crate) fn misrouted(task: &Task) -> TaskError {
    TaskError::new(ErrorClass::Permanent, format!("{} came to the wrong handler", task.name()))
}
