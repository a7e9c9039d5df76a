//! The two tasks as the queue knows them.

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use viva_core::evaluation::Evaluation;
use viva_core::store::Session;
use viva_core::task::{self, Task};
use viva_core::{ErrorClass, TaskError};
use viva_scoring::{Language, platform};
use viva_worker::{Answer, Context, Flight, Handler, Work};

use crate::Evaluator;
use crate::evaluator::adopt;

/// `tasks.evaluator.analyze_answer`: scores one answer, once however many ask.
#[derive(Debug)]
pub struct AnalyzeAnswer {
    /// Computes and stores.
    pub evaluator: Evaluator,
    /// Keeps equal answers from being computed twice.
    pub flight: Flight,
}

/// `tasks.evaluator.generate_final_report`: scores an interview and writes its report.
#[derive(Debug)]
pub struct FinalReport(pub Evaluator);

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
        let judging = Judging { evaluator: &self.evaluator, answer };
        self.flight.fly(&judging, &computation, &task, &context).await
    }
}

/// The task with what the store knows beside it. A stage that the producer does not name is the question's own.
async fn stored_answer(unit: &Session, task: &task::AnalyzeAnswer) -> Result<viva_scoring::Answer, TaskError> {
    let transcript = unit.transcripts().get(task.transcript_id).await?;
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
    })
}

/// An answer on its way to its evaluation.
struct Judging<'e> {
    evaluator: &'e Evaluator,
    answer: viva_scoring::Answer,
}

#[async_trait]
impl Work for Judging<'_> {
    type Output = Evaluation;

    async fn find(&self, unit: &Session) -> Result<Option<Evaluation>, TaskError> {
        Ok(unit.evaluations().find_computed(&self.evaluator.judge.computation(&self.answer)).await?)
    }

    async fn compute(&self, cancel: &CancellationToken) -> Result<Evaluation, TaskError> {
        self.evaluator.compute(self.answer.clone(), cancel).await
    }

    async fn keep(&self, unit: &Session, made: Evaluation) -> Result<Evaluation, TaskError> {
        Ok(unit.evaluations().record(&made).await?)
    }

    fn target(&self, task: &Task) -> Option<String> {
        match task {
            Task::AnalyzeAnswer(task) => Some(format!("transcript {}", task.transcript_id)),
            _ => None,
        }
    }

    /// Another answer of the same words to the same question has the same score, under its own ids.
    async fn show(&self, unit: &Session, task: &Task, evaluation: &Evaluation) -> Result<(), TaskError> {
        let Task::AnalyzeAnswer(task) = task else { return Ok(()) };
        if evaluation.transcript_id == Some(task.transcript_id) {
            return self.evaluator.show(unit, evaluation).await;
        }
        let adopted = adopt(evaluation.clone(), &stored_answer(unit, task).await?);
        let stands = unit.evaluations().record(&adopted).await?;
        self.evaluator.show(unit, &stands).await
    }

    fn answer(&self, _: &Task, evaluation: &Evaluation, _: bool) -> Value {
        platform::answer_result(evaluation)
    }
}

#[async_trait]
impl Handler for FinalReport {
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let Task::GenerateFinalReport { interview_id } = task else { return Err(misrouted(&task)) };
        let report = self
            .0
            .report(interview_id, &context.cancel, &|number, total, evaluation| {
                let status = evaluation.status.as_str();
                tracing::info!(interview_id, number, total, status, stage = evaluation.stage, "answer evaluated");
            })
            .await?;
        tracing::info!(interview_id, scored = report.counts.scored, failed = report.counts.failed, "report stored");
        Ok(Answer::Now(Value::Null))
    }
}

fn misrouted(task: &Task) -> TaskError {
    TaskError::new(ErrorClass::Permanent, format!("{} came to the wrong handler", task.name()))
}
