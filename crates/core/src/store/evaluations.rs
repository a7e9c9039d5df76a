use std::collections::HashSet;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::entity::evaluations::{ActiveModel, Column, Entity, Model};
use super::error::{During as _, Error};
use crate::evaluation::{Evaluation, Status};

/// Evaluations with their provenance, inside a unit of work.
#[derive(Debug)]
pub struct Evaluations<'s>(pub(super) &'s DatabaseTransaction);

impl Evaluations<'_> {
    /// Stores an evaluation, unless the same computation already has one for this answer; returns the one that stands.
    ///
    /// One statement, so that of many that store at once one wins and all see it. A failed evaluation is kept beside and
    /// never stands in the way of another.
    pub async fn record(&self, evaluation: &Evaluation) -> Result<Evaluation, Error> {
        let record = serde_json::to_string(evaluation).map_err(|source| damaged(&evaluation.evaluation_id, source))?;
        let row = ActiveModel {
            id: NotSet,
            evaluation_id: Set(evaluation.evaluation_id.clone()),
            interview_id: Set(evaluation.interview_id),
            transcript_id: Set(evaluation.transcript_id),
            question_id: Set(evaluation.question_id),
            computation: Set(evaluation.provenance.computation.clone()),
            status: Set(evaluation.status.as_str().to_owned()),
            total: Set(evaluation.total.map(|total| total as i32)),
            record: Set(record),
            finished_at_ms: Set(evaluation.provenance.finished_at.timestamp_millis()),
        };
        // The update changes nothing; it makes the database return the row that is there.
        let existing = OnConflict::columns([Column::TranscriptId, Column::Computation])
            .target_and_where(Expr::cust("status <> 'failed'"))
            .update_column(Column::Computation)
            .to_owned();
        let insert = Entity::insert(row).on_conflict(existing);
        parse(&insert.exec_with_returning(self.0).await.during("storing an evaluation")?)
    }

    /// The evaluation that stands for a computation, whichever answer it was made for. Failures are not among them.
    pub async fn find_computed(&self, computation: &str) -> Result<Option<Evaluation>, Error> {
        let found = Entity::find()
            .filter(Column::Computation.eq(computation))
            .filter(Column::Status.ne(Status::Failed.as_str()))
            .order_by_asc(Column::Id)
            .one(self.0)
            .await
            .during("looking for an evaluation")?;
        found.as_ref().map(parse).transpose()
    }

    /// The newest evaluation of each answer of an interview, in the order in which they were stored.
    pub async fn newest(&self, interview_id: i32) -> Result<Vec<Evaluation>, Error> {
        let find = Entity::find().filter(Column::InterviewId.eq(interview_id)).order_by_asc(Column::Id);
        let all = find.all(self.0).await.during("reading the evaluations of an interview")?;
        // Backwards, the first of each answer is its newest.
        let mut seen = HashSet::new();
        let mut newest: Vec<&Model> = all.iter().rev().filter(|row| seen.insert(row.transcript_id)).collect();
        newest.reverse();
        newest.into_iter().map(parse).collect()
    }
}

fn parse(row: &Model) -> Result<Evaluation, Error> {
    serde_json::from_str(&row.record).map_err(|source| damaged(&row.evaluation_id, source))
}

fn damaged(id: &str, source: serde_json::Error) -> Error {
    Error::Damaged { table: "evaluations", id: id.to_owned(), source: source.into() }
}
