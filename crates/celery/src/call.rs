//! Asking for a task.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::Signature;
use crate::message::TimeLimit;

/// A task to send, with the options that `send_task` and `apply_async` have.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// The task's name.
    pub name: String,
    /// Positional arguments.
    pub args: Vec<Value>,
    /// Keyword arguments.
    pub kwargs: Map<String, Value>,
    /// Its id; a new one where none is given.
    pub id: Option<String>,
    /// The queue, where it is not that of the routes.
    pub queue: Option<String>,
    /// Not before this long from now.
    pub countdown: Option<Duration>,
    /// Not before this time.
    pub eta: Option<DateTime<Utc>>,
    /// Not after this time.
    pub expires: Option<DateTime<Utc>>,
    /// How often it was tried.
    pub retries: u32,
    /// The message's priority.
    pub priority: u8,
    /// How long it may run.
    pub time_limit: TimeLimit,
    /// Called with its result.
    pub link: Vec<Signature>,
    /// Called with its id when it fails.
    pub link_error: Vec<Signature>,
    /// What follows, last one first.
    pub chain: Vec<Signature>,
    /// The queue that its result goes to with the `rpc` backend.
    pub reply_to: Option<String>,
    /// More headers.
    pub headers: Map<String, Value>,
    /// Nobody wants the result.
    pub ignore_result: bool,
    /// The first task of the workflow; itself where none is given.
    pub root_id: Option<String>,
    /// The task that asks.
    pub parent_id: Option<String>,
    /// The group it belongs to.
    pub group: Option<String>,
    /// Its place in the group.
    pub group_index: Option<i64>,
}

impl Call {
    /// A call of `name` with nothing special about it.
    pub fn new(name: impl Into<String>, args: Vec<Value>, kwargs: Map<String, Value>) -> Self {
        Self { name: name.into(), args, kwargs, ..Self::default() }
    }
}
