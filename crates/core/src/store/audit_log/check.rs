//! Reads the whole chain against the rows that it speaks of.

use std::collections::{HashMap, HashSet};

use sea_orm::{EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Value, sea_query::ExprTrait as _};

use super::super::entity::{evaluation_reviews, evaluations};
use super::super::error::{During as _, Error};
use super::super::statement::rows;
use super::super::{Session, Store};
use super::{Committed, Kind, link_of};
use crate::digest::sha256_hex;

/// Rows that are read at once.
const PAGE: u64 = 500;
const STEP: &str = "checking the log";

const ENTRIES: &str = "SELECT seq, kind, subject, commitment, at_ms, link FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2";
const RUBRICS: &str = "SELECT sha256, yaml FROM rubrics ORDER BY sha256";

/// A place in the chain, to be noted where nobody who can write to the database can write: `12:5f3a...`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The entry's number, from 1.
    pub seq: i64,
    /// Its hash.
    pub link: String,
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, self.link)
    }
}

impl std::str::FromStr for Head {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(seq, link)| Some((seq.parse().ok()?, link)));
        let (seq, link) = parts.ok_or_else(|| format!("{text:?} is no head of a log: it takes a number, a colon and a hash"))?;
        Ok(Self { seq, link: link.to_owned() })
    }
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where: a table and a row.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

/// What a check of the whole log found.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Entries of the log.
    pub entries: usize,
    /// Evaluations that stand as they were written.
    pub evaluations: usize,
    /// Reviews that stand as they were written.
    pub reviews: usize,
    /// Subjects that were erased; their entries stand.
    pub erased: usize,
    /// The last entry.
    pub head: Option<Head>,
    /// What is wrong; empty if all is as it was written.
    pub faults: Vec<Fault>,
}

#[derive(Default)]
struct Check {
    found: Checked,
    /// What the log says about rows that are to be there.
    expected: HashMap<(&'static str, String), String>,
    erased: HashSet<String>,
}

impl Store {
    /// Checks every entry of the log and every row that it speaks of. `noted` is a place of the chain that somebody wrote down
    /// earlier: it must still stand.
    pub async fn check_log(&self, noted: Option<&Head>) -> Result<Checked, Error> {
        let unit = self.read().await?;
        let mut check = Check::default();
        check.chain(&unit, noted).await?;
        check.evaluations(&unit).await?;
        check.reviews(&unit).await?;
        check.rubrics(&unit).await?;
        unit.rollback().await?;
        Ok(check.conclude())
    }
}

impl Check {
    async fn chain(&mut self, unit: &Session, noted: Option<&Head>) -> Result<(), Error> {
        let (mut seq, mut link) = (0_i64, String::new());
        let mut met = noted.is_none();
        loop {
            let page = rows(unit.connection(), ENTRIES, vec![seq.into(), Value::from(PAGE as i64)]).await.during(STEP)?;
            for entry in &page {
                let text = |name| entry.try_get::<String>("", name).during(STEP);
                let number = |name| entry.try_get::<i64>("", name).during(STEP);
                let (kind, subject, commitment) = (text("kind")?, text("subject")?, text("commitment")?);
                let (own, at_ms, stored) = (number("seq")?, number("at_ms")?, text("link")?);
                if own != seq + 1 {
                    self.fault(format!("audit_log {own}"), format!("the entries {} to {} are missing", seq + 1, own - 1));
                }
                if stored != link_of(&link, own, &kind, &subject, &commitment, at_ms) {
                    self.fault(format!("audit_log {own}"), "the entry does not follow from the one before it".to_owned());
                }
                met |= noted.is_some_and(|head| head.seq == own && head.link == stored);
                self.expect(own, &kind, subject, commitment);
                (seq, link) = (own, stored);
                self.found.entries += 1;
            }
            if page.len() < PAGE as usize {
                break;
            }
        }
        if !met {
            self.fault("audit_log".to_owned(), "the head that was noted earlier does not stand in it".to_owned());
        }
        self.found.head = (seq > 0).then_some(Head { seq, link });
        Ok(())
    }

    fn expect(&mut self, seq: i64, kind: &str, subject: String, commitment: String) {
        let kind = match kind {
            "evaluation" => Kind::Evaluation,
            "review" => Kind::Review,
            "erasure" => {
                self.erased.insert(subject);
                return;
            }
            other => return self.fault(format!("audit_log {seq}"), format!("there are no entries of kind {other:?}")),
        };
        if self.expected.insert((kind.as_str(), subject), commitment).is_some() {
            self.fault(format!("audit_log {seq}"), "its subject has an entry already".to_owned());
        }
    }

    async fn evaluations(&mut self, unit: &Session) -> Result<(), Error> {
        use evaluations::{Column, Entity};
        let mut after = i64::MIN;
        loop {
            let find = Entity::find().filter(sea_orm::sea_query::Expr::col(Column::Id).gt(after)).order_by_asc(Column::Id).limit(PAGE);
            let page = find.all(unit.connection()).await.during(STEP)?;
            for row in &page {
                after = row.id;
                let stands = self.hold(row, format!("evaluations {}", row.evaluation_id));
                self.found.evaluations += usize::from(stands);
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    async fn reviews(&mut self, unit: &Session) -> Result<(), Error> {
        use evaluation_reviews::{Column, Entity};
        let mut after = i64::MIN;
        loop {
            let find = Entity::find().filter(sea_orm::sea_query::Expr::col(Column::Id).gt(after)).order_by_asc(Column::Id).limit(PAGE);
            let page = find.all(unit.connection()).await.during(STEP)?;
            for row in &page {
                after = row.id;
                let stands = self.hold(row, format!("evaluation_reviews {}", row.review_id));
                self.found.reviews += usize::from(stands);
            }
            if page.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    /// Rubrics are named by their hash: they need no entry.
    async fn rubrics(&mut self, unit: &Session) -> Result<(), Error> {
        for rubric in rows(unit.connection(), RUBRICS, Vec::new()).await.during(STEP)? {
            let sha256: String = rubric.try_get("", "sha256").during(STEP)?;
            let yaml: String = rubric.try_get("", "yaml").during(STEP)?;
            if sha256_hex(yaml.as_bytes()) != sha256 {
                self.fault(format!("rubrics {sha256}"), "its text does not have this hash".to_owned());
            }
        }
        Ok(())
    }

    /// Whether a row is what the log says it was.
    fn hold(&mut self, row: &impl Committed, place: String) -> bool {
        let (subject, kind, _) = row.columns();
        let what = match self.expected.remove(&(kind.as_str(), subject.to_owned())) {
            Some(commitment) if commitment == row.commitment() && !self.erased.contains(subject) => return true,
            Some(_) if self.erased.contains(subject) => "it stands although it was erased",
            Some(_) => "it is not what was stored",
            None => "the log does not know it",
        };
        self.fault(place, what.to_owned());
        false
    }

    fn conclude(mut self) -> Checked {
        let mut gone: Vec<_> = std::mem::take(&mut self.expected).into_keys().collect();
        gone.sort_unstable();
        for (kind, subject) in gone {
            if self.erased.contains(&subject) {
                self.found.erased += 1;
            } else {
                self.fault(format!("{kind} {subject}"), "it was stored, and is missing without having been erased".to_owned());
            }
        }
        self.found
    }

    fn fault(&mut self, place: String, what: String) {
        self.found.faults.push(Fault { place, what });
    }
}
