use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use super::Interview;
use super::entity::interviews::{ActiveModel, Column, Entity};
use super::error::{During as _, Error};

/// Interviews, inside a unit of work.
#[derive(Debug)]
pub struct Interviews<'s>(pub(super) &'s DatabaseTransaction);

impl Interviews<'_> {
    /// The interview of that id.
    pub async fn get(&self, id: i32) -> Result<Interview, Error> {
        let found = Entity::find_by_id(id).one(self.0).await.during("reading an interview")?;
        found.ok_or(Error::NotFound { table: "interviews", id: id.into() })
    }

    /// Stores an interview under its id, in place of what was there.
    pub async fn put(&self, interview: &Interview) -> Result<(), Error> {
        let replace = OnConflict::column(Column::Id).update_columns([Column::Position, Column::Status, Column::OverallScore]).to_owned();
        let insert = Entity::insert(interview.clone().into_active_model()).on_conflict(replace);
        insert.exec_without_returning(self.0).await.during("storing an interview")?;
        Ok(())
    }

    /// Writes the overall score, 0 to 100.
    pub async fn set_overall_score(&self, id: i32, score: Option<f64>) -> Result<(), Error> {
        let change = ActiveModel { overall_score: Set(score), ..Default::default() };
        let update = Entity::update_many().set(change).filter(Column::Id.eq(id));
        match update.exec(self.0).await.during("writing an overall score")?.rows_affected {
            0 => Err(Error::NotFound { table: "interviews", id: id.into() }),
            _ => Ok(()),
        }
    }
}
