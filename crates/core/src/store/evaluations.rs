use std::collections::HashSet;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};

use serde_json::json;

use super::audit_log::{Committed as _, new_salt};
use super::entity::evaluations::{ActiveModel, Column, Entity, Model};
use super::error::{During as _, Error};
use super::{Session, Topic};
use crate::evaluation::{Evaluation, Status};

/// Evaluations with their provenance, inside a unit of work. Rows are added and never changed.
#[derive(Debug)]
pub struct Evaluations<'s>(pub(super) &'s Session);

impl Evaluations<'_> {
    /// Stores an evaluation, unless the same computation already has one for this answer; returns the one that stands.
    ///
    /// One statement, so that of many that store at once one wins and all see it. A failed evaluation is kept beside and
    /// never stands in the way of another.
    pub async fn record(&self, evaluation: &Evaluation) -> Result<Evaluation, Error> {
        let supersedes = self.newest_of(evaluation.transcript_id).await?;
        let record = serde_json::to_string(&Evaluation { supersedes: supersedes.clone(), human_review: None, ..evaluation.clone() })
            .map_err(|source| damaged(&evaluation.evaluation_id, source))?;
        let salt = new_salt();
        let provenance = &evaluation.provenance;
        let row = ActiveModel {
            id: NotSet,
            evaluation_id: Set(evaluation.evaluation_id.clone()),
            interview_id: Set(evaluation.interview_id),
            transcript_id: Set(evaluation.transcript_id),
            question_id: Set(evaluation.question_id),
            computation: Set(provenance.computation.clone()),
            status: Set(evaluation.status.as_str().to_owned()),
            total: Set(evaluation.total.map(|total| total as i32)),
            record: Set(record),
            finished_at_ms: Set(provenance.finished_at.timestamp_millis()),
            rubric_sha256: Set(evaluation.rubric.sha256.clone()),
            model_sha256: Set(provenance.model.sha256.clone()),
            engine: Set(provenance.model.engine.clone()),
            numeric_class: Set(provenance.model.numeric_class.clone()),
            input_sha256: Set(provenance.input_sha256.clone()),
            prompt_sha256: Set(provenance.usage.as_ref().map(|usage| usage.prompt_sha256.clone())),
            supersedes: Set(supersedes),
            salt: Set(salt.clone()),
        };
        // The update changes nothing; it makes the database return the row that is there.
        let existing = OnConflict::columns([Column::TranscriptId, Column::Computation])
            .target_and_where(Expr::cust("status <> 'failed'"))
            .update_column(Column::Computation)
            .to_owned();
        let insert = Entity::insert(row).on_conflict(existing);
        let stands = insert.exec_with_returning(self.0.connection()).await.during("storing an evaluation")?;
        if stands.salt == salt {
            self.0.log(stands.entry());
            self.tell(evaluation);
        }
        parse(&stands)
    }

    fn tell(&self, evaluation: &Evaluation) {
        let Some(interview_id) = evaluation.interview_id else { return };
        let news = json!({
            "transcript_id": evaluation.transcript_id,
            "question_id": evaluation.question_id,
            "stage": evaluation.stage,
            "status": evaluation.status,
            "total": evaluation.total,
            "max": evaluation.max,
            "band": evaluation.band,
        });
        self.0.tell(Topic::Interview(interview_id), "answer.evaluated", news);
    }

    /// The evaluation of that id, with the newest word of a person about it.
    pub async fn get(&self, evaluation_id: &str) -> Result<Evaluation, Error> {
        let find = Entity::find().filter(Column::EvaluationId.eq(evaluation_id));
        let found = find.one(self.0.connection()).await.during("reading an evaluation")?;
        let row = found.ok_or_else(|| Error::NoRecord { table: "evaluations", id: evaluation_id.to_owned() })?;
        let mut one = [parse(&row)?];
        self.0.reviews().join(&mut one).await?;
        let [evaluation] = one;
        Ok(evaluation)
    }

    /// The newest evaluation of an answer, with the newest word of a person about it.
    pub async fn newest_for(&self, transcript_id: i32) -> Result<Option<Evaluation>, Error> {
        match self.newest_of(Some(transcript_id)).await? {
            Some(id) => self.get(&id).await.map(Some),
            None => Ok(None),
        }
    }

    /// The interviews that have evaluations, in order.
    pub async fn interviews(&self) -> Result<Vec<i32>, Error> {
        let find = Entity::find().select_only().column(Column::InterviewId).distinct().filter(Column::InterviewId.is_not_null());
        let ids: Vec<i32> =
            find.order_by_asc(Column::InterviewId).into_tuple().all(self.0.connection()).await.during("reading evaluated interviews")?;
        Ok(ids)
    }

    /// The evaluation of an answer that was stored last.
    async fn newest_of(&self, transcript_id: Option<i32>) -> Result<Option<String>, Error> {
        let Some(transcript_id) = transcript_id else { return Ok(None) };
        let find = Entity::find().select_only().column(Column::EvaluationId).filter(Column::TranscriptId.eq(transcript_id));
        find.order_by_desc(Column::Id).into_tuple().one(self.0.connection()).await.during("looking for an earlier evaluation")
    }

    /// Salts and logs the rows of the version before, which knew no log.
    pub(super) async fn take_in(&self) -> Result<(), Error> {
        let unsalted = Entity::find().filter(Column::Salt.eq("")).order_by_asc(Column::Id).all(self.0.connection());
        for mut row in unsalted.await.during("reading the evaluations of an earlier version")? {
            row.salt = new_salt();
            let salt = ActiveModel { salt: Set(row.salt.clone()), ..Default::default() };
            let update = Entity::update_many().set(salt).filter(Column::Id.eq(row.id));
            update.exec(self.0.connection()).await.during("salting an evaluation")?;
            self.0.log(row.entry());
        }
        Ok(())
    }

    /// The evaluation that stands for a computation, whichever answer it was made for. Failures are not among them.
    pub async fn find_computed(&self, computation: &str) -> Result<Option<Evaluation>, Error> {
        let found = Entity::find()
            .filter(Column::Computation.eq(computation))
            .filter(Column::Status.ne(Status::Failed.as_str()))
            .order_by_asc(Column::Id)
            .one(self.0.connection())
            .await
            .during("looking for an evaluation")?;
        found.as_ref().map(parse).transpose()
    }

    /// The newest evaluation of each answer of an interview, in the order in which they were stored, with
    /// the newest words of people about them.
    pub async fn newest(&self, interview_id: i32) -> Result<Vec<Evaluation>, Error> {
        let find = Entity::find().filter(Column::InterviewId.eq(interview_id)).order_by_asc(Column::Id);
        let all = find.all(self.0.connection()).await.during("reading the evaluations of an interview")?;
        // Backwards, the first of each answer is its newest.
        let mut seen = HashSet::new();
        let mut newest: Vec<&Model> = all.iter().rev().filter(|row| seen.insert(row.transcript_id)).collect();
        newest.reverse();
        let mut newest = newest.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        self.0.reviews().join(&mut newest).await?;
        Ok(newest)
    }
}

fn parse(row: &Model) -> Result<Evaluation, Error> {
    serde_json::from_str(&row.record).map_err(|source| damaged(&row.evaluation_id, source))
}

fn damaged(id: &str, source: serde_json::Error) -> Error {
    Error::Damaged { table: "evaluations", id: id.to_owned(), source: source.into() }
}
