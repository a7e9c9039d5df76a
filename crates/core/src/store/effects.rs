use sea_orm::DatabaseTransaction;

use super::error::{During as _, Error};
use super::statement::{change, row, timed};

/// The update makes the database return the row that is there, and keeps a task that goes on coming from being pruned.
pub(super) const ARRIVE: &str = "
    INSERT INTO arrivals (task_id, came_at_ms) VALUES ($1, {now})
    ON CONFLICT (task_id) DO UPDATE SET came_at_ms = excluded.came_at_ms RETURNING seen";

const ADVANCE: &str = "
    INSERT INTO effects (target, seen, task_id) VALUES ($1, $2, $3)
    ON CONFLICT (target) DO UPDATE SET seen = excluded.seen, task_id = excluded.task_id WHERE effects.seen <= excluded.seen";

/// The order in which tasks were first seen, inside a unit of work.
#[derive(Debug)]
pub struct Arrivals<'s>(pub(super) &'s DatabaseTransaction);

impl Arrivals<'_> {
    /// The task's place in the order of arrival. A task that comes again keeps the place it had.
    pub async fn place(&self, task_id: &str) -> Result<i64, Error> {
        let row = row(self.0, &timed(self.0, ARRIVE), vec![task_id.into()]).await.during("noting a task's arrival")?;
        let row = row.ok_or(Error::NotFound { table: "arrivals", id: 0 })?;
        row.try_get("", "seen").during("reading a task's arrival")
    }
}

/// Which task each target shows, inside a unit of work. A target is something of which there is one and that tasks replace:
/// a question's audio file, an answer's score.
#[derive(Debug)]
pub struct Effects<'s>(pub(super) &'s DatabaseTransaction);

impl Effects<'_> {
    /// Makes the target this task's. False if it shows a task that arrived later: leave it alone. True for the task it shows
    /// already, so that an effect that was cut off is made whole. Whoever advances a target holds it until the unit of work
    /// ends: change the target inside it, and two tasks cannot change it in the wrong order.
    #[must_use = "an older task must not replace a newer one"]
    pub async fn advance(&self, target: &str, seen: i64, task_id: &str) -> Result<bool, Error> {
        let values = vec![target.into(), seen.into(), task_id.into()];
        Ok(change(self.0, ADVANCE, values).await.during("advancing a target")? == 1)
    }
}
