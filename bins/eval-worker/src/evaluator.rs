//! What both tasks share: a judge, a store, and the way between them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use viva_core::TaskError;
use viva_core::evaluation::{Evaluation, Note};
use viva_core::report::Report;
use viva_core::store::{self, Session, Store};
use viva_core::task::{ANALYZE_ANSWER, CONCLUDE_REPORT, EVALUATE_PART, GENERATE_FINAL_REPORT};
use viva_scoring::{Answer, Interview, Judge, Language, platform};
use viva_worker::{Flight, Runtime};

use crate::answers::{AnalyzeAnswer, EvaluatePart};
use crate::inference;
use crate::report::FinalReport;

/// The queues that they come on: the platform's, and our own for the parts of reports.
pub const QUEUES: &[&str] = &["gpu_queue", viva_worker::amqp::OWN_QUEUE];

/// The tasks that an evaluator does.
pub const TASKS: &[&str] = &[ANALYZE_ANSWER, GENERATE_FINAL_REPORT, EVALUATE_PART, CONCLUDE_REPORT];

/// A judge with a store.
#[derive(Debug, Clone)]
pub struct Evaluator {
    pub(crate) store: Store,
    pub(crate) judge: Arc<Judge>,
}

/// What was said in an interview.
pub(crate) struct Said {
    pub(crate) interview_id: i32,
    pub(crate) position: String,
    pub(crate) language: Language,
    /// In the interview's order.
    pub(crate) answers: Vec<Answer>,
}

impl Evaluator {
    /// An evaluator that keeps its results in `store`.
    pub fn new(store: Store, judge: Arc<Judge>) -> Self {
        Self { store, judge }
    }

    /// Registers the tasks that an evaluator does.
    #[must_use]
    pub fn serve_on(&self, runtime: Runtime, flight: Flight) -> Runtime {
        let report = Arc::new(FinalReport { evaluator: self.clone(), flight: flight.clone() });
        runtime
            .handler(ANALYZE_ANSWER, Arc::new(AnalyzeAnswer { evaluator: self.clone(), flight: flight.clone() }))
            .handler(EVALUATE_PART, Arc::new(EvaluatePart { evaluator: self.clone(), flight }))
            .handler(GENERATE_FINAL_REPORT, report.clone())
            .handler(CONCLUDE_REPORT, report)
    }

    /// The judge.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    pub(crate) async fn compute(&self, answer: Answer, cancel: &CancellationToken) -> Result<Evaluation, TaskError> {
        let judge = Arc::clone(&self.judge);
        if let Err(error) = judge.rubric().area_of(&answer.stage) {
            return Ok(judge.refuse(&answer, Note::new("unknown_stage", error.to_string())));
        }
        inference::run(cancel, move |cancel| judge.evaluate(&answer, cancel)).await
    }

    /// Writes the score where the platform reads it.
    pub(crate) async fn show(&self, unit: &Session, evaluation: &Evaluation) -> Result<(), TaskError> {
        let Some(transcript) = evaluation.transcript_id else { return Ok(()) };
        let area = self.judge.rubric().area_of(&evaluation.stage).map(|area| title(area, evaluation));
        let parts = platform::rubric_score(evaluation, &area.unwrap_or_default());
        Ok(unit.transcripts().set_score(transcript, evaluation.standing_total().map(f64::from), parts).await?)
    }

    /// Stores a person's word about an evaluation, and shows it where the platform reads. The report follows when somebody asks
    /// for it again.
    pub async fn review(&self, evaluation_id: &str, reviewer: &str, total: Option<u32>, reason: &str) -> Result<Evaluation, TaskError> {
        let unit = self.store.write().await?;
        let before = unit.evaluations().get(evaluation_id).await?;
        if total.is_some_and(|total| total > before.max) {
            return Err(TaskError::permanent(format!("a total is 0 to {}", before.max)));
        }
        unit.reviews().record(evaluation_id, reviewer, total, reason).await?;
        let reviewed = unit.evaluations().get(evaluation_id).await?;
        self.show(&unit, &reviewed).await?;
        unit.commit().await?;
        Ok(reviewed)
    }

    /// The report as it stands in the store; asks no model and computes no score. An answer that has no evaluation yet is
    /// not in it.
    pub async fn stored_report(&self, interview_id: i32) -> Result<Report, TaskError> {
        let unit = self.store.read().await?;
        let said = said(&unit, interview_id).await?;
        let evaluations = unit.evaluations().newest(interview_id).await?;
        let mut report = self.judge.report(interview(interview_id, said, evaluations))?;
        self.adopt_narrative(&unit, interview_id, &mut report).await?;
        unit.rollback().await?;
        Ok(report)
    }

    /// A summary written from the same evaluations by the same model need not be written again.
    pub(crate) async fn adopt_narrative(&self, unit: &Session, interview_id: i32, report: &mut Report) -> Result<(), TaskError> {
        let computation = self.judge.narrative_computation(report)?;
        let earlier = unit.evaluation_reports().find(interview_id).await?;
        if let Some(row) = earlier
            && let Some(details) = row.details_json
        {
            platform::adopt_narrative(report, &details, row.summary_text.as_deref(), &computation);
        }
        Ok(())
    }
}

/// The interview with those of its `evaluations` that belong to its answers, in the interview's order.
pub(crate) fn interview(id: i32, said: Said, mut evaluations: Vec<Evaluation>) -> Interview {
    let Said { position, language, answers, .. } = said;
    let place = |evaluation: &Evaluation| answers.iter().position(|answer| answer.transcript_id == evaluation.transcript_id);
    evaluations.retain(|evaluation| place(evaluation).is_some());
    evaluations.sort_by_key(place);
    Interview { id: Some(id), language, position, evaluations }
}

/// What was said in an interview, as the judge takes it.
pub(crate) async fn said(unit: &Session, interview_id: i32) -> Result<Said, TaskError> {
    let position = unit.interviews().get(interview_id).await?.position;
    let said = unit.transcripts().answers(interview_id).await?;
    // The platform's tables do not say in which language an interview is held; its questions do.
    let asked: String = said.iter().filter_map(|answer| answer.question.as_ref()).map(|question| question.content.as_str()).collect();
    let language = Language::detect(&asked);
    Ok(Said { interview_id, position, language, answers: said.into_iter().map(|said| answer(said, language)).collect() })
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
        seconds: None,
    }
}

/// The area's name in the evaluation's language.
fn title(area: &viva_scoring::rubric::Area, evaluation: &Evaluation) -> String {
    let language = evaluation.language.parse().unwrap_or(Language::Ko);
    area.title.get(language).to_owned()
}

/// An evaluation of the same computation as one of `answer`: the same result under its ids. If it was made for this very
/// answer it is left as it is.
pub(crate) fn adopt(known: Evaluation, answer: &Answer) -> Evaluation {
    let ids = (answer.interview_id, answer.transcript_id, answer.question_id);
    if (known.interview_id, known.transcript_id, known.question_id) == ids {
        return known;
    }
    let (interview_id, transcript_id, question_id) = ids;
    Evaluation { evaluation_id: viva_core::evaluation::new_id(), interview_id, transcript_id, question_id, ..known }
}
