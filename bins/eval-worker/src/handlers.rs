//! The two tasks as the queue knows them.

use async_trait::async_trait;
use serde_json::Value;
use viva_core::task::{self, Task};
use viva_core::{ErrorClass, TaskError};
use viva_scoring::{Answer, Language, platform};
use viva_worker::{Context, Handler};

use crate::Evaluator;

/// `tasks.evaluator.analyze_answer`: scores one answer.
#[derive(Debug)]
pub struct AnalyzeAnswer(pub Evaluator);

/// `tasks.evaluator.generate_final_report`: scores an interview and writes its report.
#[derive(Debug)]
pub struct FinalReport(pub Evaluator);

#[async_trait]
impl Handler for AnalyzeAnswer {
    async fn handle(&self, task: Task, context: Context) -> Result<Value, TaskError> {
        let Task::AnalyzeAnswer(task) = task else { return Err(misrouted(&task)) };
        if task.rubric.as_ref().is_some_and(|rubric| rubric.as_object().is_some_and(|fields| !fields.is_empty())) {
            tracing::warn!(transcript_id = task.transcript_id, "the task's own rubric is not used; scores follow the configured one");
        }
        let answer = self.answer(task).await?;
        self.0.judge().rubric().area_of(&answer.stage)?;
        let evaluation = self.0.evaluate(answer, &context.cancel).await?;
        Ok(platform::answer_result(&evaluation))
    }
}

impl AnalyzeAnswer {
    /// The task with what the store knows beside it. A stage that the producer does not name is the question's own.
    async fn answer(&self, task: task::AnalyzeAnswer) -> Result<Answer, TaskError> {
        let session = self.0.store.read().await?;
        let transcript = session.transcripts().get(task.transcript_id).await?;
        let question_id = task.question_id.or(transcript.question_id);
        let stage = match (task.question_type, question_id) {
            (Some(stage), _) => Some(stage),
            (None, Some(id)) => session.questions().get(id).await?.question_type,
            (None, None) => None,
        };
        session.rollback().await?;
        let language = Language::detect(&format!("{}{}", task.question_text, task.answer_text));
        Ok(Answer {
            interview_id: Some(transcript.interview_id),
            transcript_id: Some(transcript.id),
            question_id,
            stage: stage
                .ok_or_else(|| TaskError::permanent("neither question_type nor the question says which stage the answer belongs to"))?,
            question: task.question_text,
            text: task.answer_text,
            language,
        })
    }
}

#[async_trait]
impl Handler for FinalReport {
    async fn handle(&self, task: Task, context: Context) -> Result<Value, TaskError> {
        let Task::GenerateFinalReport { interview_id } = task else { return Err(misrouted(&task)) };
        let report = self
            .0
            .report(interview_id, &context.cancel, &|number, total, evaluation| {
                let status = evaluation.status.as_str();
                tracing::info!(interview_id, number, total, status, stage = evaluation.stage, "answer evaluated");
            })
            .await?;
        tracing::info!(interview_id, scored = report.counts.scored, failed = report.counts.failed, "report stored");
        Ok(Value::Null)
    }
}

fn misrouted(task: &Task) -> TaskError {
    TaskError::new(ErrorClass::Permanent, format!("{} came to the wrong handler", task.name()))
}
