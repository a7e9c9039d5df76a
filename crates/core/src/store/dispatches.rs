use sea_orm::DatabaseTransaction;

use super::error::{During as _, Error};
use super::statement::{change, row};
use crate::{Digest, TaskMessage};

const OPEN: &str = "INSERT INTO dispatches (request, task_id) VALUES ($1, $2) ON CONFLICT (request) DO NOTHING";
const FIND: &str = "SELECT task_id FROM dispatches WHERE request = $1";
const CLOSE: &str = "DELETE FROM dispatches WHERE task_id = $1";

/// What was asked for and is not answered yet, inside a unit of work.
#[derive(Debug)]
pub struct Dispatches<'s>(pub(super) &'s DatabaseTransaction);

impl Dispatches<'_> {
    /// Opens a dispatch of this task, unless the same was asked for and is not answered: then the id of that task.
    pub async fn open(&self, message: &TaskMessage) -> Result<Option<String>, Error> {
        let request = request(message);
        let values = vec![request.as_str().into(), message.id.as_str().into()];
        if change(self.0, OPEN, values).await.during("opening a dispatch")? == 1 {
            return Ok(None);
        }
        let earlier = row(self.0, FIND, vec![request.as_str().into()]).await.during("looking for a dispatch")?;
        earlier.map(|row| row.try_get("", "task_id").during("reading a dispatch")).transpose()
    }

    /// The task that was sent for this request and is not answered yet.
    pub async fn find(&self, message: &TaskMessage) -> Result<Option<String>, Error> {
        let found = row(self.0, FIND, vec![request(message).as_str().into()]).await.during("looking for a dispatch")?;
        found.map(|row| row.try_get("", "task_id").during("reading a dispatch")).transpose()
    }

    /// Closes the dispatch of a task that is answered: whoever asks after this asks anew.
    pub async fn close(&self, task_id: &str) -> Result<(), Error> {
        change(self.0, CLOSE, vec![task_id.into()]).await.during("closing a dispatch")?;
        Ok(())
    }
}

/// Equal for messages that ask for the same.
fn request(message: &TaskMessage) -> Digest {
    let (args, kwargs) = (serde_json::json!(message.args).to_string(), serde_json::json!(message.kwargs).to_string());
    Digest::of_computation("dispatch", &[("task", &message.task), ("args", &args), ("kwargs", &kwargs)])
}
