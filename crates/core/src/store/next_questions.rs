use sea_orm::{DatabaseTransaction, QueryResult, Value};

use super::error::{During as _, Error};
use super::statement::{change, row};
use crate::Digest;

const FIND: &str = "
    SELECT n.interview_id, n.question_id, n.stage, n.made_by, n.details, q.content FROM next_questions AS n
    JOIN questions AS q ON q.id = n.question_id WHERE ";

const RECORD: &str = "
    INSERT INTO next_questions (computation, interview_id, question_id, stage, made_by, details) VALUES ($1, $2, $3, $4, $5, $6)";

const ANY: &str = "SELECT 1 AS one FROM next_questions WHERE interview_id = $1 LIMIT 1";

/// A question that was made for an interview, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct NextQuestion {
    /// The interview.
    pub interview_id: i32,
    /// Its row in `questions`.
    pub question_id: i32,
    /// The stage of the script.
    pub stage: String,
    /// What is asked, as `questions` has it.
    pub question: String,
    /// `script`, `model`, or `canned` where the model could not be used.
    pub made_by: String,
    /// Everything else that determined it, and why it is canned.
    pub details: serde_json::Value,
}

/// Questions that were made, inside a unit of work: one for each computation.
#[derive(Debug)]
pub struct NextQuestions<'s>(pub(super) &'s DatabaseTransaction);

impl NextQuestions<'_> {
    /// What a computation made.
    pub async fn find(&self, computation: &Digest) -> Result<Option<NextQuestion>, Error> {
        self.read("n.computation = $1", computation.as_str().into()).await
    }

    /// How a question was made, if it was made here.
    pub async fn of(&self, question_id: i32) -> Result<Option<NextQuestion>, Error> {
        self.read("n.question_id = $1", question_id.into()).await
    }

    /// Whether any was made for the interview.
    pub async fn any(&self, interview_id: i32) -> Result<bool, Error> {
        Ok(row(self.0, ANY, vec![interview_id.into()]).await.during("looking for made questions")?.is_some())
    }

    /// Notes what a computation made.
    pub async fn record(&self, computation: &Digest, made: &NextQuestion) -> Result<(), Error> {
        let values = vec![
            computation.as_str().into(),
            made.interview_id.into(),
            made.question_id.into(),
            made.stage.as_str().into(),
            made.made_by.as_str().into(),
            made.details.to_string().into(),
        ];
        change(self.0, RECORD, values).await.during("storing how a question was made")?;
        Ok(())
    }

    async fn read(&self, which: &str, value: Value) -> Result<Option<NextQuestion>, Error> {
        let found = row(self.0, &format!("{FIND}{which}"), vec![value]).await.during("looking for a made question")?;
        found.as_ref().map(made).transpose()
    }
}

fn made(row: &QueryResult) -> Result<NextQuestion, Error> {
    let text = |column| row.try_get::<String>("", column).during("reading a made question");
    let id = |column| row.try_get::<i32>("", column).during("reading a made question");
    let question_id = id("question_id")?;
    let damaged =
        |source: serde_json::Error| Error::Damaged { table: "next_questions", id: question_id.to_string(), source: source.into() };
    Ok(NextQuestion {
        interview_id: id("interview_id")?,
        question_id,
        stage: text("stage")?,
        question: text("content")?,
        made_by: text("made_by")?,
        details: serde_json::from_str(&text("details")?).map_err(damaged)?,
    })
}
