//! Failures as Python's clients rebuild them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::message::repr;

/// An exception: `AsyncResult.get()` raises its class where the producer has it, or one of that name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exception {
    /// The class, such as `ValueError`.
    pub kind: String,
    /// The class' arguments, mostly one text.
    pub args: Vec<Value>,
    /// The class' module, such as `builtins`.
    pub module: String,
    /// Where it happened, as free text.
    #[serde(default)]
    pub traceback: Option<String>,
}

impl Exception {
    /// A built-in exception with a message.
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), args: vec![Value::String(message.into())], module: "builtins".to_owned(), traceback: None }
    }

    /// The same of another module.
    #[must_use]
    pub fn in_module(mut self, module: impl Into<String>) -> Self {
        self.module = module.into();
        self
    }

    /// The same with other arguments.
    #[must_use]
    pub fn with_args(mut self, args: Vec<Value>) -> Self {
        self.args = args;
        self
    }

    /// The same with a trace.
    #[must_use]
    pub fn with_traceback(mut self, traceback: impl Into<String>) -> Self {
        self.traceback = Some(traceback.into());
        self
    }

    /// `celery.exceptions.NotRegistered`.
    pub fn not_registered(task: &str) -> Self {
        Self::new("NotRegistered", task).in_module("celery.exceptions")
    }

    /// `billiard.exceptions.TimeLimitExceeded`.
    pub fn time_limit(hard_s: f64) -> Self {
        Self::new("TimeLimitExceeded", "").in_module("billiard.exceptions").with_args(vec![json!(hard_s)])
    }

    /// `billiard.exceptions.SoftTimeLimitExceeded`.
    pub fn soft_time_limit() -> Self {
        Self::new("SoftTimeLimitExceeded", "").in_module("billiard.exceptions").with_args(Vec::new())
    }

    /// `celery.exceptions.TaskRevokedError`; reasons are `revoked`, `terminated` and `expired`.
    pub fn revoked(reason: &str) -> Self {
        Self::new("TaskRevokedError", reason).in_module("celery.exceptions")
    }

    /// As a result backend keeps it.
    pub(crate) fn to_result(&self) -> Value {
        json!({ "exc_type": self.kind, "exc_message": self.args, "exc_module": self.module })
    }

    /// As Python prints it: `ValueError('boom', 3)`.
    pub fn repr(&self) -> String {
        let args: Vec<String> = self.args.iter().map(repr).collect();
        format!("{}({})", self.kind, args.join(", "))
    }

    /// The trace, or the last line of one: tools show it as text.
    pub fn trace(&self) -> String {
        self.traceback.clone().unwrap_or_else(|| self.repr())
    }
}
