//! The log of what was stored about people: append-only, each entry bound to the one before it.
//!
//! An entry holds a commitment: the hash of a row's columns and of a random salt that stands in the row. Whoever changes a
//! column, a commitment or the order breaks a hash; whoever deletes a row and its salt, as an erasure does, leaves an entry
//! that nobody can read anything from, and the chain holds (I12). What no chain can tell by itself is whether its end was cut
//! off together with the rows: note its head elsewhere and have it looked for.
//!
//! Entries are written when their unit of work commits, behind everything else: whoever holds the end of the chain waits for
//! nothing more, so nobody waits in a circle.

mod check;

use sea_orm::{DatabaseTransaction, Value};

use super::entity::{evaluation_reviews, evaluations};
use super::error::{During as _, Error};
use super::statement::{change, is_sqlite, row, timed};
use crate::Digest;

pub use check::{Checked, Fault, Head};

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An evaluation was stored.
    Evaluation,
    /// A person reviewed one.
    Review,
    /// What the subject names was erased, with its salt.
    Erasure,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Evaluation => "evaluation",
            Self::Review => "review",
            Self::Erasure => "erasure",
        }
    }
}

/// An entry that waits for its unit of work to commit.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) subject: String,
    pub(super) commitment: String,
}

/// "viva log" in ASCII. One program appends at a time, until its unit of work ends; SQLite's writers do anyway.
const TURN: &str = "SELECT pg_advisory_xact_lock(8532481128557997927)";

const LAST: &str = "
    SELECT {now} AS now_ms, COALESCE((SELECT MAX(seq) FROM audit_log), 0) AS seq,
        COALESCE((SELECT link FROM audit_log ORDER BY seq DESC LIMIT 1), '') AS link";

const APPEND: &str = "INSERT INTO audit_log (seq, kind, subject, commitment, at_ms, link) VALUES ($1, $2, $3, $4, $5, $6)";

/// Appends `entries` in order; the unit of work must commit right after.
pub(super) async fn append(db: &DatabaseTransaction, entries: Vec<Entry>) -> Result<(), Error> {
    const STEP: &str = "appending to the log";
    if !is_sqlite(db) {
        row(db, TURN, Vec::new()).await.during(STEP)?;
    }
    let last = row(db, &timed(db, LAST), Vec::new()).await.during(STEP)?;
    let last = last.expect("a query without a table returns a row; this is a bug");
    let at_ms: i64 = last.try_get("", "now_ms").during(STEP)?;
    let mut seq: i64 = last.try_get("", "seq").during(STEP)?;
    let mut link: String = last.try_get("", "link").during(STEP)?;
    for entry in entries {
        seq += 1;
        link = link_of(&link, seq, entry.kind.as_str(), &entry.subject, &entry.commitment, at_ms);
        let values: Vec<Value> =
            vec![seq.into(), entry.kind.as_str().into(), entry.subject.into(), entry.commitment.into(), at_ms.into(), link.clone().into()];
        change(db, APPEND, values).await.during(STEP)?;
    }
    Ok(())
}

/// The hash of an entry and, through the one before, of all entries up to it.
fn link_of(before: &str, seq: i64, kind: &str, subject: &str, commitment: &str, at_ms: i64) -> String {
    let (seq, at_ms) = (seq.to_string(), at_ms.to_string());
    let inputs = [("before", before), ("seq", &seq), ("kind", kind), ("subject", subject), ("commitment", commitment), ("at_ms", &at_ms)];
    Digest::of_computation("audit log entry", &inputs).into()
}

/// A salt that nobody can guess: 244 random bits.
pub(super) fn new_salt() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

/// A row's columns by name.
type Columns = Vec<(&'static str, Option<String>)>;

/// Something that a commitment can be made to: each column of a row by its name.
pub(super) trait Committed {
    /// Name, kind and columns. Nothing and the empty text are told apart.
    fn columns(&self) -> (&str, Kind, Columns);

    fn commitment(&self) -> String {
        let (_, kind, columns) = self.columns();
        let shown: Vec<(&str, String)> =
            columns.into_iter().map(|(name, value)| (name, value.map_or_else(|| "-".to_owned(), |value| format!("={value}")))).collect();
        let inputs: Vec<(&str, &str)> = shown.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Digest::of_computation(kind.as_str(), &inputs).into()
    }

    fn entry(&self) -> Entry {
        let (subject, kind, _) = self.columns();
        Entry { kind, subject: subject.to_owned(), commitment: self.commitment() }
    }
}

impl Committed for evaluations::Model {
    fn columns(&self) -> (&str, Kind, Columns) {
        let text = |value: &String| Some(value.clone());
        let columns = vec![
            ("id", Some(self.id.to_string())),
            ("evaluation_id", text(&self.evaluation_id)),
            ("interview_id", self.interview_id.map(|id| id.to_string())),
            ("transcript_id", self.transcript_id.map(|id| id.to_string())),
            ("question_id", self.question_id.map(|id| id.to_string())),
            ("computation", text(&self.computation)),
            ("status", text(&self.status)),
            ("total", self.total.map(|total| total.to_string())),
            ("record", text(&self.record)),
            ("finished_at_ms", Some(self.finished_at_ms.to_string())),
            ("rubric_sha256", text(&self.rubric_sha256)),
            ("model_sha256", text(&self.model_sha256)),
            ("engine", text(&self.engine)),
            ("numeric_class", text(&self.numeric_class)),
            ("input_sha256", text(&self.input_sha256)),
            ("prompt_sha256", self.prompt_sha256.clone()),
            ("supersedes", self.supersedes.clone()),
            ("salt", text(&self.salt)),
        ];
        (&self.evaluation_id, Kind::Evaluation, columns)
    }
}

impl Committed for evaluation_reviews::Model {
    fn columns(&self) -> (&str, Kind, Columns) {
        let text = |value: &String| Some(value.clone());
        let columns = vec![
            ("id", Some(self.id.to_string())),
            ("review_id", text(&self.review_id)),
            ("evaluation_id", text(&self.evaluation_id)),
            ("reviewer", text(&self.reviewer)),
            ("decision", text(&self.decision)),
            ("total", self.total.map(|total| total.to_string())),
            ("reason", text(&self.reason)),
            ("at_ms", Some(self.at_ms.to_string())),
            ("salt", text(&self.salt)),
        ];
        (&self.review_id, Kind::Review, columns)
    }
}
