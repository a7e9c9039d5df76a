use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::Interview;
use super::entity::interviews::{ActiveModel, Column, Entity};
use super::error::{During as _, Error};
use super::statement::{change, row};

const RESUME: &str = "SELECT resume_id FROM interviews WHERE id = $1";
const ATTACH: &str = "UPDATE interviews SET resume_id = $2 WHERE id = $1";

/// Interviews, inside a unit of work.
#[derive(Debug)]
pub struct Interviews<'s>(pub(super) &'s DatabaseTransaction);

impl Interviews<'_> {
    /// The interview of that id.
    pub async fn get(&self, id: i32) -> Result<Interview, Error> {
        let found = Entity::find_by_id(id).one(self.0).await.during("reading an interview")?;
        found.ok_or(Error::NotFound { table: "interviews", id: id.into() })
    }

    /// The newest interviews, by id.
    pub async fn newest(&self, limit: u64) -> Result<Vec<Interview>, Error> {
        Entity::find().order_by_desc(Column::Id).limit(limit).all(self.0).await.during("reading the interviews")
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

    /// The resume of its candidate, if it has one.
    pub async fn resume(&self, id: i32) -> Result<Option<i32>, Error> {
        let found = row(self.0, RESUME, vec![id.into()]).await.during("reading an interview's resume")?;
        let found = found.ok_or(Error::NotFound { table: "interviews", id: id.into() })?;
        found.try_get("", "resume_id").during("reading an interview's resume")
    }

    /// Says which resume is its candidate's.
    pub async fn attach_resume(&self, id: i32, resume_id: i32) -> Result<(), Error> {
        match change(self.0, ATTACH, vec![id.into(), resume_id.into()]).await.during("writing an interview's resume")? {
            0 => Err(Error::NotFound { table: "interviews", id: id.into() }),
            _ => Ok(()),
        }
    }
}
