use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::message::{Embed, Task};

/// What it takes to answer a task, apart from the answer. Kept as JSON it lets any process answer later.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// The task's id.
    pub id: String,
    /// Its name.
    pub task: String,
    /// The producer's reply queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// What the producer knows the answer by, where it is not the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// The first task of the workflow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_id: Option<String>,
    /// The task that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_id: Option<String>,
    /// Its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How often it was tried before.
    #[serde(default)]
    pub retries: u32,
    /// Its priority, which what follows inherits not.
    #[serde(default)]
    pub priority: u8,
    /// Nobody wants the result.
    #[serde(default)]
    pub ignore_result: bool,
    /// The queue it came from.
    #[serde(default)]
    pub queue: String,
    /// What is to follow.
    #[serde(default)]
    pub embed: Embed,
    /// Its arguments, where results carry them (`result_extended`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<(Vec<Value>, Map<String, Value>)>,
}

impl Envelope {
    /// The envelope of a task that came through `queue`. `extended` keeps its arguments too.
    pub fn of(task: &Task, queue: &str, extended: bool) -> Self {
        Self {
            id: task.id.clone(),
            task: task.name.clone(),
            reply_to: task.reply_to.clone(),
            correlation_id: task.correlation_id.clone().filter(|id| *id != task.id),
            root_id: task.root_id.clone(),
            parent_id: task.parent_id.clone(),
            group: task.group.clone(),
            retries: task.retries,
            priority: task.priority,
            ignore_result: task.ignore_result,
            queue: queue.to_owned(),
            embed: task.embed.clone(),
            arguments: extended.then(|| (task.args.clone(), task.kwargs.clone())),
        }
    }

    /// An envelope that answers `id` and knows nothing else, for messages that cannot be read.
    pub(crate) fn bare(id: String, reply_to: Option<String>, correlation_id: Option<String>) -> Self {
        Self { correlation_id: correlation_id.filter(|c| *c != id), id, reply_to, ..Self::default() }
    }
}
