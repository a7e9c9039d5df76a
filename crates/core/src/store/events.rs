//! News: what happened, numbered per topic, in the unit of work that made it so.
//!
//! Whoever adds to a topic holds its head until the commit, so that numbers become visible in their order and without gaps: a
//! reader that knows the last number it saw has missed nothing. Carries ids and numbers, no text of a candidate: news outlive
//! an erasure only by ids. Bounded by [`super::Retention`].

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use sea_orm::{DatabaseTransaction, QueryResult};
use serde_json::Value;

use super::Session;
use super::error::{During as _, Error};
use super::statement::{change, row, rows, timed};

const ADVANCE: &str = "
    INSERT INTO event_heads (topic, seq) VALUES ($1, $2)
    ON CONFLICT (topic) DO UPDATE SET seq = event_heads.seq + $2 RETURNING seq";
const ADD: &str = "INSERT INTO events (topic, seq, kind, body, at_ms) VALUES ($1, $2, $3, $4, {now})";
const AFTER: &str = "SELECT seq, kind, body, at_ms FROM events WHERE topic = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const LAST: &str = "SELECT seq, kind, body, at_ms FROM events WHERE topic = $1 AND kind LIKE $2 ORDER BY seq DESC LIMIT 1";
const HEAD: &str = "SELECT seq FROM event_heads WHERE topic = $1";

/// How long it took from the last such request to its end, newest first.
const TOOK: &str = "
    SELECT e.at_ms - (
        SELECT MAX(r.at_ms) FROM events AS r WHERE r.topic = e.topic AND r.kind = $1 AND r.seq < e.seq
    ) AS took_ms
    FROM events AS e WHERE e.kind = $2 ORDER BY e.at_ms DESC LIMIT $3";

/// Interviews in which a question was asked: of one that very many share, the newest.
const ASKED_IN: &str = "SELECT DISTINCT interview_id FROM transcripts WHERE question_id = $1 ORDER BY interview_id DESC LIMIT 20";

/// A claim on deliveries that are due; whoever made it has a minute. What is older than an hour is nobody's news.
const HOOKS_DUE: &str = "
    UPDATE events SET hook_due_ms = {now} + 60000, hook_attempts = hook_attempts + 1
    WHERE hook_due_ms <= {now} AND id IN (
        SELECT id FROM events WHERE hook_due_ms <= {now} AND topic LIKE 'interview/%' AND at_ms > {now} - 3600000 ORDER BY id LIMIT $1)
    RETURNING id, topic, seq, kind, body, at_ms, hook_attempts";
const HOOK_OVER: &str = "UPDATE events SET hook_due_ms = NULL WHERE id = $1";
const HOOK_AGAIN: &str = "UPDATE events SET hook_due_ms = {now} + $2 WHERE id = $1";

/// What news are about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// An interview, by its row.
    Interview(i32),
    /// A question, by its row.
    Question(i32),
    /// A resume, by its row.
    Resume(i32),
    /// A task that a [dispatcher](super::Dispatches) sent, by its id.
    Job(String),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interview(id) => write!(f, "interview/{id}"),
            Self::Question(id) => write!(f, "question/{id}"),
            Self::Resume(id) => write!(f, "resume/{id}"),
            Self::Job(id) => write!(f, "job/{id}"),
        }
    }
}

/// One piece of news.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number in its topic, from 1.
    pub seq: i64,
    /// What happened, such as `answer.evaluated`.
    pub kind: String,
    /// Ids and numbers.
    pub body: Value,
    /// When, by the database's clock: for people, and to be compared with others of the same database.
    pub at_ms: i64,
}

/// A piece of news that a webhook is to carry.
#[derive(Debug, Clone, PartialEq)]
pub struct HookDue {
    /// Unique; the same for every attempt.
    pub id: i64,
    /// Its topic, as written.
    pub topic: String,
    /// What happened.
    pub event: Event,
    /// Which attempt this is, from 1.
    pub attempt: i32,
}

/// What is told when a unit of work commits.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) topic: Topic,
    pub(super) kind: &'static str,
    pub(super) body: Value,
}

/// News, inside a unit of work.
#[derive(Debug)]
pub struct Events<'s>(pub(super) &'s DatabaseTransaction);

impl Events<'_> {
    /// What came after `seq`, oldest first.
    pub async fn after(&self, topic: &Topic, seq: i64, limit: u32) -> Result<Vec<Event>, Error> {
        let values = vec![topic.to_string().into(), seq.into(), i64::from(limit).into()];
        rows(self.0, AFTER, values).await.during("reading news")?.iter().map(read).collect()
    }

    /// The newest whose kind begins so.
    pub async fn last(&self, topic: &Topic, kinds: &str) -> Result<Option<Event>, Error> {
        let values = vec![topic.to_string().into(), format!("{kinds}%").into()];
        row(self.0, LAST, values).await.during("reading news")?.as_ref().map(read).transpose()
    }

    /// The newest of a kind in each of the topics, by the topic as written.
    pub async fn newest_of(&self, kind: &str, topics: &[Topic]) -> Result<HashMap<String, Event>, Error> {
        let mut newest = HashMap::new();
        for some in topics.chunks(500) {
            let places: Vec<String> = (2..=some.len() + 1).map(|place| format!("${place}")).collect();
            let sql = format!(
                "SELECT topic, seq, kind, body, at_ms FROM events WHERE kind = $1 AND topic IN ({}) ORDER BY topic, seq",
                places.join(", ")
            );
            let values = std::iter::once(kind.into()).chain(some.iter().map(|topic| topic.to_string().into())).collect();
            for row in rows(self.0, &sql, values).await.during("reading news")? {
                newest.insert(row.try_get("", "topic").during("reading news")?, read(&row)?);
            }
        }
        Ok(newest)
    }

    /// The newest number of a topic; 0 where nothing happened yet.
    pub async fn head(&self, topic: &Topic) -> Result<i64, Error> {
        let found = row(self.0, HEAD, vec![topic.to_string().into()]).await.during("looking for news")?;
        found.map_or(Ok(0), |row| row.try_get("", "seq").during("looking for news"))
    }

    /// The newest numbers of topics, as written; one of which nothing is known is not among them.
    pub async fn heads(&self, topics: &[String]) -> Result<HashMap<String, i64>, Error> {
        let mut heads = HashMap::new();
        for some in topics.chunks(500) {
            let places: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
            let sql = format!("SELECT topic, seq FROM event_heads WHERE topic IN ({})", places.join(", "));
            let found = rows(self.0, &sql, some.iter().map(|topic| topic.as_str().into()).collect()).await.during("looking for news")?;
            for row in found {
                heads.insert(row.try_get("", "topic").during("looking for news")?, row.try_get("", "seq").during("looking for news")?);
            }
        }
        Ok(heads)
    }

    /// How long the last `limit` took from `begun` to `ended`, newest first.
    pub async fn took(&self, begun: &str, ended: &str, limit: u32) -> Result<Vec<Duration>, Error> {
        let found = rows(self.0, TOOK, vec![begun.into(), ended.into(), i64::from(limit).into()]).await.during("measuring jobs")?;
        let took_ms: Vec<Option<i64>> =
            found.iter().map(|row| row.try_get("", "took_ms")).collect::<Result<_, _>>().during("measuring jobs")?;
        Ok(took_ms.into_iter().flatten().map(|ms| Duration::from_millis(ms.max(0) as u64)).collect())
    }

    /// The interviews in which a question was asked, newest first, at most 20.
    pub async fn interviews_asking(&self, question_id: i32) -> Result<Vec<i32>, Error> {
        let found = rows(self.0, ASKED_IN, vec![question_id.into()]).await.during("looking where a question was asked")?;
        found.iter().map(|row| row.try_get("", "interview_id").during("looking where a question was asked")).collect()
    }

    /// Takes what a webhook is to carry now. Whoever takes it has a minute until somebody else does.
    pub async fn take_hooks(&self, limit: u32) -> Result<Vec<HookDue>, Error> {
        let taken = rows(self.0, &timed(self.0, HOOKS_DUE), vec![i64::from(limit).into()]).await.during("taking webhooks")?;
        let mut due = taken.iter().map(read_hook).collect::<Result<Vec<_>, Error>>()?;
        due.sort_by_key(|hook| hook.id);
        Ok(due)
    }

    /// A webhook was delivered, or is given up.
    pub async fn hook_over(&self, id: i64) -> Result<(), Error> {
        change(self.0, HOOK_OVER, vec![id.into()]).await.during("ending a webhook")?;
        Ok(())
    }

    /// A webhook is tried again after some time.
    pub async fn hook_again(&self, id: i64, after: Duration) -> Result<(), Error> {
        let values = vec![id.into(), (after.as_millis() as i64).into()];
        change(self.0, &timed(self.0, HOOK_AGAIN), values).await.during("putting a webhook off")?;
        Ok(())
    }
}

impl Session {
    /// Tells news about a question, also to those who watch an interview in which it was asked.
    pub async fn tell_of_question(&self, question_id: i32, kind: &'static str, body: Value) -> Result<(), Error> {
        for interview_id in self.events().interviews_asking(question_id).await? {
            self.tell(Topic::Interview(interview_id), kind, body.clone());
        }
        self.tell(Topic::Question(question_id), kind, body);
        Ok(())
    }
}

/// Writes what was told, topic by topic in one order for everybody: two units of work cannot wait for each other.
pub(super) async fn write(db: &DatabaseTransaction, told: Vec<Told>) -> Result<(), Error> {
    let mut topics: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    for one in told {
        topics.entry(one.topic.to_string()).or_default().push(one);
    }
    for (topic, told) in topics {
        let count = told.len() as i64;
        let head = row(db, ADVANCE, vec![topic.as_str().into(), count.into()]).await.during("numbering news")?;
        let head: i64 = head.map_or(Ok(count), |row| row.try_get("", "seq")).during("numbering news")?;
        for (seq, one) in (head - count + 1..).zip(told) {
            let values = vec![topic.as_str().into(), seq.into(), one.kind.into(), one.body.to_string().into()];
            change(db, &timed(db, ADD), values).await.during("writing news")?;
        }
    }
    Ok(())
}

fn read(row: &QueryResult) -> Result<Event, Error> {
    let body: String = row.try_get("", "body").during("reading news")?;
    let seq = row.try_get("", "seq").during("reading news")?;
    let damaged = |source: serde_json::Error| Error::Damaged { table: "events", id: format!("{seq}"), source: source.into() };
    Ok(Event {
        seq,
        kind: row.try_get("", "kind").during("reading news")?,
        body: serde_json::from_str(&body).map_err(damaged)?,
        at_ms: row.try_get("", "at_ms").during("reading news")?,
    })
}

fn read_hook(row: &QueryResult) -> Result<HookDue, Error> {
    Ok(HookDue {
        id: row.try_get("", "id").during("taking webhooks")?,
        topic: row.try_get("", "topic").during("taking webhooks")?,
        event: read(row)?,
        attempt: row.try_get("", "hook_attempts").during("taking webhooks")?,
    })
}
