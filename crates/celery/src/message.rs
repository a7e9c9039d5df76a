//! Task messages of protocol 2: decoded, and made anew for whoever comes next.
//!
//! No IO here: bytes in, a [`Task`] or the precise reason why not out. What is unknown is kept, so that a message can be
//! published again as it came. Protocol 1, chords and serializers other than JSON are refused, each by its name.

mod amqp;
mod decode;
mod encode;
mod fault;
mod repr;
mod signature;
mod when;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use amqp::Incoming;
pub(crate) use amqp::{short, table, value_of};
pub use decode::decode;
pub(crate) use decode::{addressee, take};
pub(crate) use encode::{DELAY_MS, Outgoing, Retried, kept_with, retried, unchanged, without_headers};
pub use fault::Fault;
pub use repr::{repr, repr_args};
pub use signature::Signature;
pub(crate) use when::parse as parse_when;

/// A task as its producer asked for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Its id: any text, mostly a UUID.
    pub id: String,
    /// Its name, such as `tasks.add`.
    pub name: String,
    /// Positional arguments.
    pub args: Vec<Value>,
    /// Keyword arguments.
    pub kwargs: Map<String, Value>,
    /// What is to follow.
    pub embed: Embed,
    /// Not before this time, by the producer's clock.
    pub eta: Option<DateTime<Utc>>,
    /// Not after this time, by the producer's clock.
    pub expires: Option<DateTime<Utc>>,
    /// How often it was tried before.
    pub retries: u32,
    /// The limits that came with it.
    pub time_limit: TimeLimit,
    /// The message's priority.
    pub priority: u8,
    /// The producer's reply queue, where results go with the `rpc` backend. Also set by producers with another backend.
    pub reply_to: Option<String>,
    /// What the producer knows the answer by; mostly the id.
    pub correlation_id: Option<String>,
    /// The first task of the workflow.
    pub root_id: Option<String>,
    /// The task that asked for this one.
    pub parent_id: Option<String>,
    /// The group it belongs to.
    pub group: Option<String>,
    /// Its place in the group.
    pub group_index: Option<i64>,
    /// The producer's text of the positional arguments, maybe cut short. For events, word for word.
    pub args_repr: Option<String>,
    /// The producer's text of the keyword arguments.
    pub kwargs_repr: Option<String>,
    /// Nobody wants the result.
    pub ignore_result: bool,
    /// A name to show instead of its own.
    pub shadow: Option<String>,
    /// Who sent it, such as `gen123@host`.
    pub origin: Option<String>,
    /// Stamps, by their header's name.
    pub stamps: Map<String, Value>,
    /// All headers as they came, unknown ones too.
    pub headers: Map<String, Value>,
}

impl Task {
    /// The positional arguments as Python would print them.
    pub fn args_text(&self) -> String {
        self.args_repr.clone().unwrap_or_else(|| repr_args(&self.args))
    }

    /// The keyword arguments as Python would print them.
    pub fn kwargs_text(&self) -> String {
        self.kwargs_repr.clone().unwrap_or_else(|| repr(&Value::Object(self.kwargs.clone())))
    }
}

/// How long a task may run, in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeLimit {
    /// It is ended.
    pub hard_s: Option<f64>,
    /// It is asked to end.
    pub soft_s: Option<f64>,
}

/// What is to follow a task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Embed {
    /// Called with the result (`link`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callbacks: Vec<Signature>,
    /// Called with the id of the task that failed (`link_error`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errbacks: Vec<Signature>,
    /// The rest of the chain, last one first: the next task is at the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Signature>,
}
