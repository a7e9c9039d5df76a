use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// A task that somebody may ask for later: a link, an errback, the next one of a chain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// The task's name.
    pub task: String,
    /// Arguments, after the result of the task before.
    #[serde(default, deserialize_with = "or_empty")]
    pub args: Vec<Value>,
    /// Keyword arguments.
    #[serde(default, deserialize_with = "or_empty")]
    pub kwargs: Map<String, Value>,
    /// `task_id`, `reply_to`, `queue`, `countdown` and others.
    #[serde(default, deserialize_with = "or_empty")]
    pub options: Map<String, Value>,
    /// `chain`, `group`, `chord`, or nothing for a task.
    #[serde(default)]
    pub subtask_type: Option<String>,
    /// It does not take the result of the task before.
    #[serde(default, deserialize_with = "or_empty")]
    pub immutable: bool,
    /// What else it carries.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Signature {
    /// An option that is text.
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.get(name).and_then(Value::as_str)
    }

    /// The signatures in `kwargs.tasks`, of a chain or a group.
    pub(crate) fn members(&self) -> Vec<Self> {
        let tasks = self.kwargs.get("tasks").and_then(Value::as_array);
        tasks.into_iter().flatten().filter_map(|task| serde_json::from_value(task.clone()).ok()).collect()
    }

    /// The arguments of a call with `first` from the task before.
    pub(crate) fn call_args(&self, first: &Value) -> Vec<Value> {
        let first = (!self.immutable).then(|| first.clone());
        first.into_iter().chain(self.args.iter().cloned()).collect()
    }
}

fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}
