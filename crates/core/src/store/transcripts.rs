use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _};
use serde_json::{Value, json};

use super::entity::questions;
use super::entity::transcripts::{ActiveModel, Column, Entity};
use super::error::{During as _, Error};
use super::statement::{change, row};
use super::{Question, Session, Topic, Transcript};

/// Literals and moments as platforms' columns want them; behind everything that has a place.
const ASK: &str = "
    INSERT INTO transcripts (interview_id, speaker, text, timestamp, question_id, \"order\")
    VALUES ($1, 'AI', $2, CURRENT_TIMESTAMP, $3, (SELECT COALESCE(MAX(t.\"order\"), -1) + 1 FROM transcripts AS t WHERE t.interview_id = $1))";

const ASKS: &str = "SELECT 1 FROM transcripts WHERE interview_id = $1 AND question_id = $2 LIMIT 1";

/// What was said, inside a unit of work.
#[derive(Debug)]
pub struct Transcripts<'s>(pub(super) &'s Session);

/// An answer with the question that it answers, if that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// What the candidate said.
    pub transcript: Transcript,
    /// The question.
    pub question: Option<Question>,
}

/// A question of an interview, and what was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The question.
    pub question: Question,
    /// What the candidate said to it, in order; empty while nothing was.
    pub answers: Vec<String>,
}

impl Transcripts<'_> {
    /// The transcript of that id.
    pub async fn get(&self, id: i32) -> Result<Transcript, Error> {
        let found = Entity::find_by_id(id).one(self.0.connection()).await.during("reading a transcript")?;
        found.ok_or(Error::NotFound { table: "transcripts", id: id.into() })
    }

    /// The candidate's answers of an interview, in the interview's order. Empty when there is none, or no such interview.
    pub async fn answers(&self, interview_id: i32) -> Result<Vec<Answer>, Error> {
        let said = Entity::find()
            .filter(Column::InterviewId.eq(interview_id))
            .filter(Expr::col(Column::Speaker).cast_as("text").eq("USER"))
            .order_by_asc(Column::Order)
            .order_by_asc(Column::Id)
            .all(self.0.connection())
            .await
            .during("reading the answers of an interview")?;
        let asked = questions::Entity::find()
            .filter(questions::Column::Id.is_in(said.iter().filter_map(|answer| answer.question_id)))
            .all(self.0.connection())
            .await
            .during("reading the questions of an interview")?;
        let by_id: HashMap<i32, Question> = asked.into_iter().map(|question| (question.id, question)).collect();
        let with_question = |transcript: Transcript| {
            let question = transcript.question_id.and_then(|id| by_id.get(&id).cloned());
            Answer { transcript, question }
        };
        Ok(said.into_iter().map(with_question).collect())
    }

    /// The questions of an interview in the order in which they came up, with their answers. An answer that names no question
    /// answers the last one before it.
    pub async fn turns(&self, interview_id: i32) -> Result<Vec<Turn>, Error> {
        let mut said =
            Entity::find().filter(Column::InterviewId.eq(interview_id)).all(self.0.connection()).await.during("reading an interview")?;
        // In code, since databases disagree on where rows without a place come.
        said.sort_by_key(|row| (row.order.unwrap_or(i32::MAX), row.id));
        let asked = questions::Entity::find()
            .filter(questions::Column::Id.is_in(said.iter().filter_map(|row| row.question_id)))
            .all(self.0.connection())
            .await
            .during("reading the questions of an interview")?;
        let mut turns: Vec<Turn> = Vec::new();
        for row in said {
            let named = row.question_id.and_then(|id| asked.iter().find(|question| question.id == id));
            let at = match named {
                Some(question) => turns.iter().position(|turn| turn.question.id == question.id).unwrap_or_else(|| {
                    turns.push(Turn { question: question.clone(), answers: Vec::new() });
                    turns.len() - 1
                }),
                None if turns.is_empty() => continue,
                None => turns.len() - 1,
            };
            if row.speaker == "USER" {
                turns[at].answers.push(row.text);
            }
        }
        Ok(turns)
    }

    /// Whether a question was asked in an interview.
    pub async fn asks(&self, interview_id: i32, question_id: i32) -> Result<bool, Error> {
        let values = vec![interview_id.into(), question_id.into()];
        Ok(row(self.0.connection(), ASKS, values).await.during("looking for a question")?.is_some())
    }

    /// Notes that a question is asked, at the end of its interview.
    pub async fn ask(&self, interview_id: i32, question_id: i32, text: &str) -> Result<(), Error> {
        change(self.0.connection(), ASK, vec![interview_id.into(), text.into(), question_id.into()]).await.during("asking a question")?;
        self.0.tell(Topic::Interview(interview_id), "question.asked", json!({ "question_id": question_id }));
        Ok(())
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
        insert.exec_without_returning(self.0.connection()).await.during("storing a transcript")?;
        Ok(())
    }

    /// Writes an answer's score: the total, 0 to 100, and its parts in the platform's form. None clears a stale one.
    pub async fn set_score(&self, id: i32, total: Option<f64>, parts: Option<Value>) -> Result<(), Error> {
        let change = ActiveModel { total_score: Set(total), rubric_score: Set(parts), ..Default::default() };
        let update = Entity::update_many().set(change).filter(Column::Id.eq(id));
        match update.exec(self.0.connection()).await.during("writing a score")?.rows_affected {
            0 => Err(Error::NotFound { table: "transcripts", id: id.into() }),
            _ => Ok(()),
        }
    }
}
