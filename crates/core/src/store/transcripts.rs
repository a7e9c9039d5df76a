use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
};
use serde_json::Value;

use super::entity::questions;
use super::entity::transcripts::{ActiveModel, Column, Entity};
use super::error::{During as _, Error};
use super::{Question, Transcript};

/// What was said, inside a unit of work.
#[derive(Debug)]
pub struct Transcripts<'s>(pub(super) &'s DatabaseTransaction);

/// An answer with the question that it answers, if that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the candidate said.
    pub transcript: Transcript,
    /// The question.
    pub question: Option<Question>,
}

impl Transcripts<'_> {
    /// The transcript of that id.
    pub async fn get(&self, id: i32) -> Result<Transcript, Error> {
        let found = Entity::find_by_id(id).one(self.0).await.during("reading a transcript")?;
        found.ok_or(Error::NotFound { table: "transcripts", id: id.into() })
    }

    /// The candidate's answers of an interview, in the interview's order. Empty when there is none, or no such interview.
    pub async fn answers(&self, interview_id: i32) -> Result<Vec<Answer>, Error> {
        let said = Entity::find()
            .filter(Column::InterviewId.eq(interview_id))
            .filter(Expr::col(Column::Speaker).cast_as("text").eq("USER"))
            .order_by_asc(Column::Order)
            .order_by_asc(Column::Id)
            .all(self.0)
            .await
            .during("reading the answers of an interview")?;
        let asked = questions::Entity::find()
            .filter(questions::Column::Id.is_in(said.iter().filter_map(|answer| answer.question_id)))
            .all(self.0)
            .await
            .during("reading the questions of an interview")?;
        let by_id: HashMap<i32, Question> = asked.into_iter().map(|question| (question.id, question)).collect();
        let with_question = |transcript: Transcript| {
            let question = transcript.question_id.and_then(|id| by_id.get(&id).cloned());
            Answer { transcript, question }
        };
        Ok(said.into_iter().map(with_question).collect())
    }

    /// Stores a transcript under its id, in place of what was there.
    pub async fn put(&self, transcript: &Transcript) -> Result<(), Error> {
        let replace = OnConflict::column(Column::Id)
            .update_columns([
                Column::InterviewId,
                Column::Speaker,
                Column::Text,
                Column::QuestionId,
                Column::Order,
                Column::TotalScore,
                Column::RubricScore,
            ])
            .to_owned();
        let insert = Entity::insert(transcript.clone().into_active_model()).on_conflict(replace);
        insert.exec_without_returning(self.0).await.during("storing a transcript")?;
        Ok(())
    }

    /// Writes an answer's score: the total, 0 to 100, and its parts in the platform's form. None clears a stale one.
    pub async fn set_score(&self, id: i32, total: Option<f64>, parts: Option<Value>) -> Result<(), Error> {
        let change = ActiveModel { total_score: Set(total), rubric_score: Set(parts), ..Default::default() };
        let update = Entity::update_many().set(change).filter(Column::Id.eq(id));
        match update.exec(self.0).await.during("writing a score")?.rows_affected {
            0 => Err(Error::NotFound { table: "transcripts", id: id.into() }),
            _ => Ok(()),
        }
    }
}
