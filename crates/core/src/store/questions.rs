use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, EntityTrait as _, IntoActiveModel as _};

use super::Question;
use super::entity::questions::{Column, Entity};
use super::error::{During as _, Error};

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
}
