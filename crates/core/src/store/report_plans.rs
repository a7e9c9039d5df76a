use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend};
use serde_json::json;

use super::error::{During as _, Error};
use super::statement::{change, row, rows, timed};
use super::{Session, Topic, Waiter, Waiters};
use crate::Digest;

const PLAN: &str = "INSERT INTO report_plans (plan, interview_id, sent_at_ms) VALUES ($1, $2, {now}) ON CONFLICT (plan) DO NOTHING";

/// The database's clock is compared with itself. One that jumps backwards has the parts sent too late by as much, one that jumps
/// forwards too often.
const SEND_AGAIN: &str = "UPDATE report_plans SET sent_at_ms = {now} WHERE plan = $1 AND sent_at_ms < {now} - $2";

const EXPECT: &str = "INSERT INTO report_parts (plan, transcript_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";

/// Whoever waits for a plan, or lands a part of it, holds its row first: of two that land the last two parts at once, the second
/// sees that no part is left, and nobody comes to wait for a plan that is ending. SQLite has one writer at a time.
const HOLD: &str = "SELECT 1 FROM report_plans WHERE plan = $1 FOR UPDATE";
const HOLD_SQLITE: &str = "SELECT 1 FROM report_plans WHERE plan = $1";

const LAND: &str = "DELETE FROM report_parts WHERE plan = $1 AND transcript_id = $2";

/// The conditional change that ends a plan: it succeeds once.
const END: &str = "
    DELETE FROM report_plans
    WHERE plan = $1 AND NOT EXISTS (SELECT 1 FROM report_parts WHERE report_parts.plan = report_plans.plan)";

const INTERVIEW: &str = "SELECT interview_id FROM report_plans WHERE plan = $1";

const LEFT: &str = "
    SELECT COUNT(*) AS parts FROM report_parts WHERE plan IN (SELECT plan FROM report_plans WHERE interview_id = $1)";

const OPEN: &str = "SELECT transcript_id FROM report_parts WHERE plan = $1 ORDER BY transcript_id";

/// Reports that wait for their parts, inside a unit of work. A plan stands from the moment its parts are sent until the last one
/// has landed; the tasks that asked for the report wait for it as waiters.
#[derive(Debug)]
pub struct ReportPlans<'s>(pub(super) &'s Session);

impl ReportPlans<'_> {
    /// Begins a plan whose parts are the evaluations of these answers. False if it stands already.
    pub async fn begin(&self, plan: &Digest, interview_id: i32, transcripts: &[i32]) -> Result<bool, Error> {
        let begun = change(self.0.connection(), &timed(self.0.connection(), PLAN), vec![plan.as_str().into(), interview_id.into()])
            .await
            .during("planning a report")?
            == 1;
        if begun {
            self.0.tell(Topic::Interview(interview_id), "report.planned", json!({ "missing": transcripts.len() }));
            for &transcript in transcripts {
                change(self.0.connection(), EXPECT, vec![plan.as_str().into(), transcript.into()])
                    .await
                    .during("planning a report's part")?;
            }
        }
        Ok(begun)
    }

    /// Whether the plan's open parts are to be sent again, since that was done longer than `after` ago: a broker may have lost them. Of
    /// many who ask at once one is told so.
    pub async fn send_again(&self, plan: &Digest, after: Duration) -> Result<bool, Error> {
        let values = vec![plan.as_str().into(), (after.as_millis() as i64).into()];
        Ok(change(self.0.connection(), &timed(self.0.connection(), SEND_AGAIN), values).await.during("looking when parts were sent")? == 1)
    }

    /// Makes a task wait until the plan's parts have landed. False if the plan stands no more: look again.
    #[must_use = "a task that does not wait must do something else"]
    pub async fn wait(&self, plan: &Digest, waiter: &Waiter) -> Result<bool, Error> {
        if !self.hold(plan).await? {
            return Ok(false);
        }
        Waiters(self.0.connection()).put(plan, waiter).await?;
        Ok(true)
    }

    /// Lands a part, whatever came of it. Returns who waited, if it was the last one: theirs is the next step.
    pub async fn land(&self, plan: &Digest, transcript_id: i32) -> Result<Vec<Waiter>, Error> {
        if !self.hold(plan).await? {
            return Ok(Vec::new());
        }
        change(self.0.connection(), LAND, vec![plan.as_str().into(), transcript_id.into()]).await.during("landing a report's part")?;
        match change(self.0.connection(), END, vec![plan.as_str().into()]).await.during("ending a report's plan")? {
            0 => Ok(Vec::new()),
            _ => Waiters(self.0.connection()).take_all(plan).await,
        }
    }

    /// Whose report the plan is for; `None` if it stands no more.
    pub async fn interview(&self, plan: &Digest) -> Result<Option<i32>, Error> {
        let found = row(self.0.connection(), INTERVIEW, vec![plan.as_str().into()]).await.during("reading a report's plan")?;
        found.map(|row| row.try_get("", "interview_id").during("reading a report's plan")).transpose()
    }

    /// The answers whose evaluations the plan still waits for.
    pub async fn open(&self, plan: &Digest) -> Result<Vec<i32>, Error> {
        let open = rows(self.0.connection(), OPEN, vec![plan.as_str().into()]).await.during("reading a report's plan")?;
        open.iter().map(|row| row.try_get("", "transcript_id").during("reading a report's plan")).collect()
    }

    /// How many evaluations an interview's plans still wait for; none where no plan stands.
    pub async fn left(&self, interview_id: i32) -> Result<i64, Error> {
        let left = row(self.0.connection(), LEFT, vec![interview_id.into()]).await.during("counting a report's parts")?;
        left.map_or(Ok(0), |row| row.try_get("", "parts").during("counting a report's parts"))
    }

    async fn hold(&self, plan: &Digest) -> Result<bool, Error> {
        let hold = if self.0.connection().get_database_backend() == DbBackend::Sqlite { HOLD_SQLITE } else { HOLD };
        Ok(row(self.0.connection(), hold, vec![plan.as_str().into()]).await.during("holding a report's plan")?.is_some())
    }
}
