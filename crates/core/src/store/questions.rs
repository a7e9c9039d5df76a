use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, EntityTrait as _, IntoActiveModel as _};

use super::Question;
use super::entity::questions::{Column, Entity};
use super::error::{During as _, Error};
use super::statement::row;

/// Every column that platforms have without a default is given. What may be an enumeration of theirs is a literal, so that it
/// fits a column of text as well; the rubric is empty, since Viva's own rubrics say how answers are judged.
const ASK: &str = "
    INSERT INTO questions (content, category, difficulty, question_type, is_follow_up, parent_question_id, rubric_json, created_at,
        is_active, usage_count)
    VALUES ($1, {category}, 'MEDIUM', $2, $3, $4, '{}', CURRENT_TIMESTAMP, TRUE, 1)
    RETURNING id";

/// The platform's kinds of questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Knowledge.
    Technical,
    /// What was done.
    Behavioral,
    /// What would be done.
    Situational,
    /// Values and growth.
    CulturalFit,
}

impl Category {
    /// As platforms' databases name it.
    fn literal(self) -> &'static str {
        match self {
            Self::Technical => "'TECHNICAL'",
            Self::Behavioral => "'BEHAVIORAL'",
            Self::Situational => "'SITUATIONAL'",
            Self::CulturalFit => "'CULTURAL_FIT'",
        }
    }
}

/// A question that has no row yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuestion {
    /// What is asked.
    pub content: String,
    /// The stage of the interview.
    pub stage: String,
    /// Its kind.
    pub category: Category,
    /// The question that it follows up.
    pub follows_up: Option<i32>,
}

/// Questions, inside a unit of work.
#[derive(Debug)]
pub struct Questions<'s>(pub(super) &'s DatabaseTransaction);

impl Questions<'_> {
    /// The question of that id.
    pub async fn get(&self, id: i32) -> Result<Question, Error> {
        let found = Entity::find_by_id(id).one(self.0).await.during("reading a question")?;
        found.ok_or(Error::NotFound { table: "questions", id: id.into() })
    }

    /// Stores a question under its id, in place of what was there.
    pub async fn put(&self, question: &Question) -> Result<(), Error> {
        let replace = OnConflict::column(Column::Id).update_columns([Column::Content, Column::QuestionType, Column::RubricJson]).to_owned();
        let insert = Entity::insert(question.clone().into_active_model()).on_conflict(replace);
        insert.exec_without_returning(self.0).await.during("storing a question")?;
        Ok(())
    }

    /// Adds a question; its id.
    pub async fn add(&self, question: &NewQuestion) -> Result<i32, Error> {
        let values = vec![
            question.content.as_str().into(),
            question.stage.as_str().into(),
            question.follows_up.is_some().into(),
            question.follows_up.into(),
        ];
        let sql = ASK.replace("{category}", question.category.literal());
        let added = row(self.0, &sql, values).await.during("adding a question")?;
        let added = added.ok_or(sea_orm::DbErr::RecordNotInserted).during("adding a question")?;
        added.try_get("", "id").during("adding a question")
    }
}
