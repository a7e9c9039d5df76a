//! One answer from question to stored score.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use viva_core::TaskError;
use viva_core::evaluation::{Evaluation, Note};
use viva_core::store::{Session, Store};
use viva_core::task::{ANALYZE_ANSWER, GENERATE_FINAL_REPORT};
use viva_scoring::{Answer, Judge, platform};
use viva_worker::{Flight, Runtime};

use crate::handlers::{AnalyzeAnswer, FinalReport};
use crate::inference;

/// A judge with a store: what both tasks share.
#[derive(Debug, Clone)]
pub struct Evaluator {
    pub(crate) store: Store,
    pub(crate) judge: Arc<Judge>,
}

impl Evaluator {
    /// An evaluator that keeps its results in `store`.
    pub fn new(store: Store, judge: Arc<Judge>) -> Self {
        Self { store, judge }
    }

    /// Registers the tasks that an evaluator does.
    #[must_use]
    pub fn serve_on(&self, runtime: Runtime, flight: Flight) -> Runtime {
        runtime
            .handler(ANALYZE_ANSWER, Arc::new(AnalyzeAnswer { evaluator: self.clone(), flight }))
            .handler(GENERATE_FINAL_REPORT, Arc::new(FinalReport(self.clone())))
    }

    /// The judge.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// Evaluates an answer, or takes the evaluation that the same computation had before; stores it and the transcript's
    /// score in one unit of work, and returns the evaluation that stands.
    pub async fn evaluate(&self, answer: Answer, cancel: &CancellationToken) -> Result<Evaluation, TaskError> {
        let evaluation = match self.known(&answer).await? {
            Some(known) => known,
            None => self.compute(answer, cancel).await?,
        };
        let unit = self.store.write().await?;
        let stands = unit.evaluations().record(&evaluation).await?;
        self.show(&unit, &stands).await?;
        unit.commit().await?;
        Ok(stands)
    }

    /// The stored result of the same computation, as one of this answer.
    async fn known(&self, answer: &Answer) -> Result<Option<Evaluation>, TaskError> {
        let session = self.store.read().await?;
        let known = session.evaluations().find_computed(&self.judge.computation(answer)).await?;
        session.rollback().await?;
        Ok(known.map(|known| adopt(known, answer)))
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
        Ok(unit.transcripts().set_score(transcript, evaluation.total.map(f64::from), parts).await?)
    }
}

/// The area's name in the evaluation's language.
fn title(area: &viva_scoring::rubric::Area, evaluation: &Evaluation) -> String {
    let language = evaluation.language.parse().unwrap_or(viva_scoring::Language::Ko);
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
