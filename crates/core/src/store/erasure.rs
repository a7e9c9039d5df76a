//! The right to be forgotten: what was said, what was thought of it and what was written about it, gone; the log's
//! commitments stay, and open to nobody.
//!
//! Platforms' tables keep their rows, without the text. Does not reach backups, a broker's queues, or what a platform keeps
//! outside the contract's tables.

use sea_orm::{ConnectionTrait as _, Value};
use serde_json::json;

use super::audit_log::{Entry, Kind};
use super::error::{During as _, Error};
use super::statement::{change, row, rows, timed};
use super::{Session, Store, Topic};

const STEP: &str = "erasing an interview";

const OF_CANDIDATE: &str = "SELECT id FROM interviews WHERE candidate_id = $1 ORDER BY id";

const EVALUATIONS: &str = "
    DELETE FROM evaluations
    WHERE interview_id = $1 OR transcript_id IN (SELECT id FROM transcripts WHERE interview_id = $1)
    RETURNING evaluation_id AS subject";

const REVIEWS: &str = "DELETE FROM evaluation_reviews WHERE evaluation_id = $1 RETURNING review_id AS subject";

/// Questions that were made from what the candidate said or wrote, and were asked in no other interview.
const QUESTIONS: &str = "
    UPDATE questions SET content = ''
    WHERE (question_type LIKE '%_followup' OR question_type IN ('communication', 'responsibility', 'growth'))
        AND id IN (SELECT question_id FROM transcripts WHERE interview_id = $1)
        AND NOT EXISTS (SELECT 1 FROM transcripts AS t WHERE t.question_id = questions.id AND t.interview_id <> $1)
    RETURNING id";

const TEXTS: &str = "UPDATE transcripts SET text = '', total_score = NULL, rubric_score = NULL WHERE interview_id = $1";
const REPORT: &str = "DELETE FROM evaluation_reports WHERE interview_id = $1";
const OVERALL: &str = "UPDATE interviews SET overall_score = NULL WHERE id = $1";
/// Ids and numbers, but a score is somebody's.
const NEWS: &str = "DELETE FROM events WHERE topic = 'interview/' || CAST($1 AS TEXT)";
/// Of a resume that no other interview goes by.
const PASSAGES: &str = "
    DELETE FROM resume_chunks WHERE resume_id = (SELECT resume_id FROM interviews WHERE id = $1) AND NOT EXISTS (
        SELECT 1 FROM interviews AS i WHERE i.resume_id = resume_chunks.resume_id AND i.id <> $1
            AND NOT EXISTS (SELECT 1 FROM erasures AS e WHERE e.interview_id = i.id))";
const MARK: &str = "INSERT INTO erasures (interview_id, at_ms) VALUES ($1, {now}) ON CONFLICT (interview_id) DO NOTHING";
const MARKED: &str = "SELECT 1 FROM erasures WHERE interview_id = $1";

/// What was erased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Erased {
    /// Evaluations, with their reviews.
    pub evaluations: usize,
    /// Transcripts that lost their text.
    pub transcripts: u64,
    /// Questions that lost theirs, made for this candidate alone: their audio has to go, too.
    pub questions: Vec<i32>,
}

impl Store {
    /// The interviews of a candidate, by the platform's id.
    pub async fn interviews_of(&self, candidate_id: i32) -> Result<Vec<i32>, Error> {
        let unit = self.read().await?;
        let found = rows(unit.connection(), OF_CANDIDATE, vec![candidate_id.into()]).await.during("reading a candidate's interviews")?;
        found.iter().map(|row| row.try_get("", "id").during("reading a candidate's interviews")).collect()
    }

    /// Erases an interview in one unit of work, then has SQLite's file rewritten, where deleted text would stay readable.
    pub async fn erase_interview(&self, interview_id: i32) -> Result<Erased, Error> {
        let unit = self.write().await?;
        let erased = unit.erase(interview_id).await?;
        unit.commit().await?;
        self.scrub().await?;
        Ok(erased)
    }

    /// On Postgres dead rows go with its own vacuum; a full one, which locks tables, is the operator's decision.
    async fn scrub(&self) -> Result<(), Error> {
        if self.db.get_database_backend() == sea_orm::DbBackend::Sqlite {
            for step in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
                self.db.execute_unprepared(step).await.during("rewriting the database's file")?;
            }
        }
        Ok(())
    }
}

impl Session {
    /// Whether an interview was erased: nothing more is to be stored about it.
    pub async fn is_erased(&self, interview_id: i32) -> Result<bool, Error> {
        Ok(row(self.connection(), MARKED, vec![interview_id.into()]).await.during("looking for an erasure")?.is_some())
    }

    async fn erase(&self, interview_id: i32) -> Result<Erased, Error> {
        let db = self.connection();
        let id = || -> Vec<Value> { vec![interview_id.into()] };
        change(db, &timed(db, MARK), id()).await.during(STEP)?;
        let evaluations = self.forget(EVALUATIONS, id()).await?;
        for evaluation in &evaluations {
            self.forget(REVIEWS, vec![evaluation.as_str().into()]).await?;
        }
        let questions = rows(db, QUESTIONS, id()).await.during(STEP)?;
        let questions = questions.iter().map(|row| row.try_get("", "id").during(STEP)).collect::<Result<_, _>>()?;
        let transcripts = change(db, TEXTS, id()).await.during(STEP)?;
        for sql in [REPORT, OVERALL, NEWS, PASSAGES] {
            change(db, sql, id()).await.during(STEP)?;
        }
        self.tell(Topic::Interview(interview_id), "interview.erased", json!({}));
        Ok(Erased { evaluations: evaluations.len(), transcripts, questions })
    }

    /// Deletes rows with their salts, and says so in the log.
    async fn forget(&self, sql: &str, values: Vec<Value>) -> Result<Vec<String>, Error> {
        let gone = rows(self.connection(), sql, values).await.during(STEP)?;
        let subjects: Vec<String> = gone.iter().map(|row| row.try_get("", "subject").during(STEP)).collect::<Result<_, _>>()?;
        for subject in &subjects {
            self.log(Entry { kind: Kind::Erasure, subject: subject.clone(), commitment: String::new() });
        }
        Ok(subjects)
    }
}
