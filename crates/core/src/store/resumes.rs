use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait as _, IntoActiveModel as _};
use serde_json::json;

use super::entity::resumes::{Column, Entity};
use super::error::{During as _, Error};
use super::statement::change;
use super::{Resume, Session, Topic};

/// Literals, so that they fit a column of text and one of an enumeration. The moment is the database's own.
const COMPLETED: &str = "UPDATE resumes SET processing_status = 'completed', processed_at = CURRENT_TIMESTAMP WHERE id = $1";
const SET_TEXT: &str = "UPDATE resumes SET extracted_text = $2, processing_status = 'pending' WHERE id = $1";
const FAILED: &str = "UPDATE resumes SET processing_status = 'failed' WHERE id = $1";

/// Resumes, inside a unit of work.
#[derive(Debug)]
pub struct Resumes<'s>(pub(super) &'s Session);

impl Resumes<'_> {
    /// The resume of that id.
    pub async fn get(&self, id: i32) -> Result<Resume, Error> {
        let found = Entity::find_by_id(id).one(self.0.connection()).await.during("reading a resume")?;
        found.ok_or(Error::NotFound { table: "resumes", id: id.into() })
    }

    /// Stores a resume under its id, in place of what was there.
    pub async fn put(&self, resume: &Resume) -> Result<(), Error> {
        let replace = OnConflict::column(Column::Id)
            .update_columns([Column::ExtractedText, Column::StructuredData, Column::ProcessingStatus])
            .to_owned();
        let insert = Entity::insert(resume.clone().into_active_model()).on_conflict(replace);
        insert.exec_without_returning(self.0.connection()).await.during("storing a resume")?;
        Ok(())
    }

    /// Says that its passages can be searched.
    pub async fn completed(&self, id: i32) -> Result<(), Error> {
        self.set(COMPLETED, vec![id.into()], id).await?;
        self.0.tell(Topic::Resume(id), "resume.ready", json!({ "resume_id": id }));
        Ok(())
    }

    /// Says that its passages could not be made.
    pub async fn failed(&self, id: i32) -> Result<(), Error> {
        self.set(FAILED, vec![id.into()], id).await
    }

    /// Gives a resume that is there another text. Leaves the platform's own columns as they are.
    pub async fn set_text(&self, id: i32, text: &str) -> Result<(), Error> {
        self.set(SET_TEXT, vec![id.into(), text.into()], id).await
    }

    async fn set(&self, sql: &str, values: Vec<sea_orm::Value>, id: i32) -> Result<(), Error> {
        match change(self.0.connection(), sql, values).await.during("writing a resume's state")? {
            0 => Err(Error::NotFound { table: "resumes", id: id.into() }),
            _ => Ok(()),
        }
    }
}
