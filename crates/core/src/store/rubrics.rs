use sea_orm::DatabaseTransaction;

use super::error::{During as _, Error};
use super::statement::{change, row};
use crate::digest::sha256_hex;

const KEEP: &str = "INSERT INTO rubrics (sha256, yaml) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING";
const FIND: &str = "SELECT yaml FROM rubrics WHERE sha256 = $1";

/// The rubric files that scores were made by, each under its hash, inside a unit of work.
#[derive(Debug)]
pub struct Rubrics<'s>(pub(super) &'s DatabaseTransaction);

impl Rubrics<'_> {
    /// Keeps a rubric's text; keeping it again does nothing.
    pub async fn keep(&self, yaml: &str) -> Result<(), Error> {
        let sha256 = sha256_hex(yaml.as_bytes());
        change(self.0, KEEP, vec![sha256.into(), yaml.into()]).await.during("keeping a rubric")?;
        Ok(())
    }

    /// The text with that hash.
    pub async fn find(&self, sha256: &str) -> Result<Option<String>, Error> {
        let found = row(self.0, FIND, vec![sha256.into()]).await.during("looking for a rubric")?;
        found.map(|row| row.try_get("", "yaml").during("looking for a rubric")).transpose()
    }
}
