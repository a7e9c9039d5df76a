use sea_orm::{DatabaseTransaction, QueryResult, Value};

use super::error::{During as _, Error};
use super::statement::{change, rows};
use crate::Digest;

const COLUMNS: &str = "section, start_byte, end_byte, text, embedding";

/// Of one resume: a computation may stand under several, of candidates who sent the same text.
const MADE: &str = "
    WHERE computation = $1 AND resume_id = (SELECT MIN(resume_id) FROM resume_chunks WHERE computation = $1) ORDER BY position";
const OF: &str = "WHERE resume_id = $1 AND model = $2 ORDER BY position";
const SHOWS: &str = "SELECT 1 AS one FROM resume_chunks WHERE resume_id = $1 AND computation = $2 LIMIT 1";

const READING: &str = "reading a resume's passages";

const COUNT: &str = "SELECT COUNT(*) AS chunks FROM resume_chunks WHERE resume_id = $1";
const FORGET: &str = "DELETE FROM resume_chunks WHERE resume_id = $1";

const INSERT: &str = "
    INSERT INTO resume_chunks (resume_id, position, computation, model, section, start_byte, end_byte, text, sha256, embedding) VALUES ";
/// Rows in one statement; databases bound the number of parameters.
const BATCH: usize = 50;

/// A passage of a resume with its vector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeChunk {
    /// The title of its section; may be empty.
    pub section: String,
    /// Where it stands in the resume, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// The passage.
    pub text: String,
    /// Its vector: 32-bit numbers, little-endian.
    pub embedding: Vec<u8>,
}

/// All passages of a resume, as one computation made them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeChunkSet {
    /// Text, cutting and model, hashed.
    pub computation: Digest,
    /// Names what made the vectors; only vectors of equal names can be compared.
    pub model: String,
    /// In the resume's order.
    pub chunks: Vec<ResumeChunk>,
}

/// Passages of resumes, inside a unit of work. Those of a resume are replaced together, never added to.
#[derive(Debug)]
pub struct ResumeChunks<'s>(pub(super) &'s DatabaseTransaction);

impl ResumeChunks<'_> {
    /// What a computation made, for whichever resume. Empty if it stands nowhere.
    pub async fn made_by(&self, computation: &Digest) -> Result<Vec<ResumeChunk>, Error> {
        self.read(MADE, vec![computation.as_str().into()]).await
    }

    /// The passages of a resume whose vectors are of this model, in the resume's order.
    pub async fn of(&self, resume_id: i32, model: &str) -> Result<Vec<ResumeChunk>, Error> {
        self.read(OF, vec![resume_id.into(), model.into()]).await
    }

    /// Whether a resume's passages are those of this computation.
    pub async fn shows(&self, resume_id: i32, computation: &Digest) -> Result<bool, Error> {
        let found = rows(self.0, SHOWS, vec![resume_id.into(), computation.as_str().into()]).await;
        Ok(!found.during("looking for a resume's passages")?.is_empty())
    }

    /// How many passages a resume has.
    pub async fn count(&self, resume_id: i32) -> Result<i64, Error> {
        let counted = rows(self.0, COUNT, vec![resume_id.into()]).await.during("counting a resume's passages")?;
        counted.first().map_or(Ok(0), |row| row.try_get("", "chunks").during("counting a resume's passages"))
    }

    /// Puts these passages in the place of all that the resume had.
    pub async fn replace(&self, resume_id: i32, set: &ResumeChunkSet) -> Result<(), Error> {
        self.forget(resume_id).await?;
        for (batch, chunks) in set.chunks.chunks(BATCH).enumerate() {
            let row = |at: usize| (1..=10).map(|column| format!("${}", at * 10 + column)).collect::<Vec<_>>().join(", ");
            let places: Vec<String> = (0..chunks.len()).map(|at| format!("({})", row(at))).collect();
            let values = chunks.iter().enumerate().flat_map(|(at, chunk)| values(resume_id, batch * BATCH + at, set, chunk));
            change(self.0, &format!("{INSERT}{}", places.join(", ")), values.collect()).await.during("storing a resume's passages")?;
        }
        Ok(())
    }

    /// Removes the passages of a resume: they are its candidate's own words.
    pub async fn forget(&self, resume_id: i32) -> Result<(), Error> {
        change(self.0, FORGET, vec![resume_id.into()]).await.during("removing a resume's passages")?;
        Ok(())
    }

    async fn read(&self, which: &str, values: Vec<Value>) -> Result<Vec<ResumeChunk>, Error> {
        let found = rows(self.0, &format!("SELECT {COLUMNS} FROM resume_chunks {which}"), values).await;
        found.during(READING)?.iter().map(|row| chunk(row).during(READING)).collect()
    }
}

fn values(resume_id: i32, position: usize, set: &ResumeChunkSet, chunk: &ResumeChunk) -> [Value; 10] {
    [
        resume_id.into(),
        (position as i32).into(),
        set.computation.as_str().into(),
        set.model.as_str().into(),
        chunk.section.as_str().into(),
        (chunk.start as i32).into(),
        (chunk.end as i32).into(),
        chunk.text.as_str().into(),
        Digest::of(chunk.text.as_bytes()).as_str().into(),
        chunk.embedding.clone().into(),
    ]
}

fn chunk(row: &QueryResult) -> Result<ResumeChunk, sea_orm::DbErr> {
    let place = |column| Ok::<_, sea_orm::DbErr>(row.try_get::<i32>("", column)? as usize);
    Ok(ResumeChunk {
        section: row.try_get("", "section")?,
        start: place("start_byte")?,
        end: place("end_byte")?,
        text: row.try_get("", "text")?,
        embedding: row.try_get("", "embedding")?,
    })
}
