use std::collections::HashMap;

use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _,
};

use super::{Session, Topic};
use serde_json::json;

use super::audit_log::{Committed as _, new_salt};
use super::entity::evaluation_reviews::{ActiveModel, Column, Entity, Model};
use super::error::{During as _, Error};
use super::statement::{row, timed};
use crate::evaluation::{Decision, Evaluation, Review, new_id};

const REVIEWED: &str = "SELECT interview_id, transcript_id FROM evaluations WHERE evaluation_id = $1";

/// What people said about evaluations, inside a unit of work. Nothing here is ever changed: a second review stands beside the
/// first, and the newest counts.
#[derive(Debug)]
pub struct Reviews<'s>(pub(super) &'s Session);

impl Reviews<'_> {
    /// Stores a person's word: another total, or that the score stands.
    pub async fn record(&self, evaluation_id: &str, reviewer: &str, total: Option<u32>, reason: &str) -> Result<Review, Error> {
        let db = self.0.connection();
        let now = row(db, &timed(db, "SELECT {now} AS now_ms"), Vec::new()).await.during("reading the clock")?;
        let at_ms = now.map(|row| row.try_get("", "now_ms")).transpose().during("reading the clock")?.unwrap_or_default();
        let decision = if total.is_some() { Decision::Overridden } else { Decision::Confirmed };
        let review = ActiveModel {
            id: NotSet,
            review_id: Set(new_id()),
            evaluation_id: Set(evaluation_id.to_owned()),
            reviewer: Set(reviewer.to_owned()),
            decision: Set(decision.as_str().to_owned()),
            total: Set(total.map(|total| total as i32)),
            reason: Set(reason.to_owned()),
            at_ms: Set(at_ms),
            salt: Set(new_salt()),
        };
        let stored = Entity::insert(review).exec_with_returning(db).await.during("storing a review")?;
        self.0.log(stored.entry());
        self.tell(evaluation_id).await?;
        Ok(review_of(stored))
    }

    async fn tell(&self, evaluation_id: &str) -> Result<(), Error> {
        let of = row(self.0.connection(), REVIEWED, vec![evaluation_id.into()]).await.during("reading what was reviewed")?;
        let Some(of) = of else { return Ok(()) };
        let number = |column| of.try_get::<Option<i32>>("", column).during("reading what was reviewed");
        let (interview_id, transcript_id) = (number("interview_id")?, number("transcript_id")?);
        if let Some(interview_id) = interview_id {
            let news = json!({ "evaluation_id": evaluation_id, "transcript_id": transcript_id });
            self.0.tell(Topic::Interview(interview_id), "evaluation.reviewed", news);
        }
        Ok(())
    }

    /// All that was said about an evaluation, oldest first.
    pub async fn of(&self, evaluation_id: &str) -> Result<Vec<Review>, Error> {
        let find = Entity::find().filter(Column::EvaluationId.eq(evaluation_id)).order_by_asc(Column::Id);
        Ok(find.all(self.0.connection()).await.during("reading reviews")?.into_iter().map(review_of).collect())
    }

    /// Puts the newest word about each evaluation beside it.
    pub(super) async fn join(&self, evaluations: &mut [Evaluation]) -> Result<(), Error> {
        let ids = evaluations.iter().map(|evaluation| evaluation.evaluation_id.as_str());
        let find = Entity::find().filter(Column::EvaluationId.is_in(ids)).order_by_asc(Column::Id);
        let said = find.all(self.0.connection()).await.during("reading reviews")?;
        let mut newest: HashMap<String, Review> = said.into_iter().map(|row| (row.evaluation_id.clone(), review_of(row))).collect();
        for evaluation in evaluations {
            evaluation.human_review = newest.remove(&evaluation.evaluation_id);
        }
        Ok(())
    }
}

fn review_of(row: Model) -> Review {
    Review {
        review_id: row.review_id,
        evaluation_id: row.evaluation_id,
        reviewer: row.reviewer,
        decision: if row.total.is_some() { Decision::Overridden } else { Decision::Confirmed },
        total: row.total.map(|total| total as u32),
        reason: row.reason,
        at_ms: row.at_ms,
    }
}
