//! The final report of an interview, from the store to the store.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use viva_core::TaskError;
use viva_core::evaluation::Evaluation;
use viva_core::report::{NarrativeStatus, Report};
use viva_core::store::{self, ReportRow};
use viva_scoring::platform::{self, ReportColumns};
use viva_scoring::{Answer, Interview, Language};

use crate::{Evaluator, inference};

impl Evaluator {
    /// Evaluates every answer of an interview that has not been, all at once, writes the report and stores both. `seen` is shown each
    /// evaluation as it lands, with its number from 1 and the number of answers.
    pub async fn report(
        &self,
        interview_id: i32,
        cancel: &CancellationToken,
        seen: &(dyn Fn(usize, usize, &Evaluation) + Send + Sync),
    ) -> Result<Report, TaskError> {
        let (position, answers) = self.read_interview(interview_id).await?;
        if answers.is_empty() {
            return Err(viva_scoring::Error::NoAnswers.into());
        }
        let language = answers[0].language;
        let evaluations = self.evaluate_all(answers, cancel, seen).await?;
        let interview = Interview { id: Some(interview_id), language, position, evaluations };
        let mut report = self.judge.report(interview)?;
        self.adopt_narrative(&mut report, interview_id).await?;
        if report.narrative.status != NarrativeStatus::Written {
            report = self.narrate(report, cancel).await?;
        }
        self.keep_report(&report, interview_id).await?;
        Ok(report)
    }

    /// Evaluates `answers` together, for the engine decodes them in one batch; each is stored as it lands. Words that were
    /// said twice are judged once: the second waits for the stored result of the first. The first error ends them all.
    async fn evaluate_all(
        &self,
        answers: Vec<Answer>,
        cancel: &CancellationToken,
        seen: &(dyn Fn(usize, usize, &Evaluation) + Send + Sync),
    ) -> Result<Vec<Evaluation>, TaskError> {
        let total = answers.len();
        let mut evaluations: Vec<Option<Evaluation>> = vec![None; total];
        let mut landed = 0;
        let mut known = HashSet::new();
        let (first, again): (Vec<_>, Vec<_>) =
            answers.into_iter().enumerate().partition(|(_, answer)| known.insert(self.judge.computation(answer)));
        for wave in [first, again] {
            let mut running = JoinSet::new();
            for (index, answer) in wave {
                let (evaluator, cancel) = (self.clone(), cancel.clone());
                running.spawn(async move { evaluator.evaluate(answer, &cancel).await.map(|evaluation| (index, evaluation)) });
            }
            while let Some(ended) = running.join_next().await {
                let (index, evaluation) = ended.map_err(TaskError::permanent)??;
                landed += 1;
                seen(landed, total, &evaluation);
                evaluations[index] = Some(evaluation);
            }
        }
        Ok(evaluations.into_iter().flatten().collect())
    }

    /// The report as it stands in the store; asks no model and computes no score. An answer that has no evaluation yet is
    /// not in it.
    pub async fn stored_report(&self, interview_id: i32) -> Result<Report, TaskError> {
        let (position, answers) = self.read_interview(interview_id).await?;
        let language = answers.first().map_or(Language::Ko, |answer| answer.language);
        let session = self.store.read().await?;
        let mut evaluations = session.evaluations().newest(interview_id).await?;
        session.rollback().await?;
        let place = |evaluation: &Evaluation| answers.iter().position(|answer| answer.transcript_id == evaluation.transcript_id);
        evaluations.retain(|evaluation| place(evaluation).is_some());
        evaluations.sort_by_key(place);
        let mut report = self.judge.report(Interview { id: Some(interview_id), language, position, evaluations })?;
        self.adopt_narrative(&mut report, interview_id).await?;
        Ok(report)
    }

    /// The position, and the answers in the interview's order.
    async fn read_interview(&self, id: i32) -> Result<(String, Vec<Answer>), TaskError> {
        let session = self.store.read().await?;
        let interview = session.interviews().get(id).await?;
        let said = session.transcripts().answers(id).await?;
        session.rollback().await?;
        // The platform's tables do not say in which language an interview is held; its questions do.
        let asked: String = said.iter().filter_map(|answer| answer.question.as_ref()).map(|question| question.content.as_str()).collect();
        let language = Language::detect(&asked);
        Ok((interview.position, said.into_iter().map(|said| answer(said, language)).collect()))
    }

    /// A summary written from the same evaluations by the same model need not be written again.
    async fn adopt_narrative(&self, report: &mut Report, interview_id: i32) -> Result<(), TaskError> {
        let computation = self.judge.narrative_computation(report)?;
        let session = self.store.read().await?;
        let earlier = session.evaluation_reports().find(interview_id).await?;
        session.rollback().await?;
        if let Some(ReportRow { details_json: Some(details), summary_text, .. }) = earlier {
            platform::adopt_narrative(report, &details, summary_text.as_deref(), &computation);
        }
        Ok(())
    }

    async fn narrate(&self, mut report: Report, cancel: &CancellationToken) -> Result<Report, TaskError> {
        let judge = Arc::clone(&self.judge);
        inference::run(cancel, move |cancel| {
            judge.narrate(&mut report, cancel)?;
            Ok(report)
        })
        .await
    }

    async fn keep_report(&self, report: &Report, interview_id: i32) -> Result<(), TaskError> {
        let ReportColumns { technical_score, communication_score, cultural_fit_score, summary_text, details_json, evaluator_model } =
            platform::report_columns(report);
        let row = ReportRow {
            id: 0,
            interview_id,
            technical_score,
            communication_score,
            cultural_fit_score,
            summary_text,
            details_json: Some(details_json),
            evaluator_model: Some(evaluator_model),
        };
        let session = self.store.write().await?;
        session.evaluation_reports().put(&row).await?;
        session.interviews().set_overall_score(interview_id, report.overall).await?;
        Ok(session.commit().await?)
    }
}

/// A stored answer as the judge takes it. An answer to no known question has no stage, and is refused by name later.
fn answer(said: store::Answer, language: Language) -> Answer {
    let store::Answer { transcript, question } = said;
    let (question, stage) = question.map_or_else(Default::default, |asked| (asked.content, asked.question_type.unwrap_or_default()));
    Answer {
        interview_id: Some(transcript.interview_id),
        transcript_id: Some(transcript.id),
        question_id: transcript.question_id,
        stage,
        question,
        text: transcript.text,
        language,
    }
}
