//! Python's call binding over JSON values.

use serde_json::Value;

use super::{Error, TaskMessage};

/// The arguments of one call, by name.
pub(super) struct Call<'a> {
    task: &'static str,
    bound: Vec<(&'static str, &'a Value)>,
}

/// Reads one type of value: what it is called in errors, and the reading itself.
type Reader<T> = (&'static str, fn(&Value) -> Option<T>);

impl<'a> Call<'a> {
    pub(super) fn new(task: &'static str, names: &'static [&'static str], message: &'a TaskMessage) -> Result<Self, Error> {
        if message.args.len() > names.len() {
            return Err(Error::TooMany { task, max: names.len(), given: message.args.len() });
        }
        let mut bound: Vec<_> = names.iter().copied().zip(&message.args).collect();
        for (keyword, value) in &message.kwargs {
            let Some(&name) = names.iter().find(|name| *name == keyword) else {
                return Err(Error::Unexpected { task, name: keyword.clone(), known: names });
            };
            if bound.iter().any(|(taken, _)| *taken == name) {
                return Err(Error::Twice { task, name });
            }
            bound.push((name, value));
        }
        Ok(Self { task, bound })
    }

    /// Reads an argument that must be given.
    pub(super) fn required<T>(&self, name: &'static str, reader: fn() -> Reader<T>) -> Result<T, Error> {
        match self.value(name) {
            Some(value) => self.read(name, value, reader),
            None => Err(Error::Missing { task: self.task, name }),
        }
    }

    /// Reads an argument that may be left out or null.
    pub(super) fn optional<T>(&self, name: &'static str, reader: fn() -> Reader<T>) -> Result<Option<T>, Error> {
        match self.value(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => self.read(name, value, reader).map(Some),
        }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.bound.iter().find(|(bound, _)| *bound == name).map(|(_, value)| *value)
    }

    fn read<T>(&self, name: &'static str, value: &Value, reader: fn() -> Reader<T>) -> Result<T, Error> {
        let (expected, read) = reader();
        read(value).ok_or_else(|| Error::WrongType { task: self.task, name, expected, found: shown(value) })
    }
}

pub(super) fn text() -> Reader<String> {
    ("a string", |value| value.as_str().map(str::to_owned))
}

pub(super) fn number() -> Reader<f64> {
    ("a number", Value::as_f64)
}

/// The contract's ids are 32-bit integer columns.
pub(super) fn id() -> Reader<i32> {
    ("an integer of 32 bits", |value| value.as_i64().and_then(|id| id.try_into().ok()))
}

pub(super) fn digest() -> Reader<crate::Digest> {
    ("a SHA-256 digest", |value| value.as_str().and_then(|text| text.parse().ok()))
}

pub(super) fn object() -> Reader<Value> {
    ("an object", |value| value.is_object().then(|| value.clone()))
}

/// The type and the value, cut short: candidate text does not belong in errors.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("a string of {} characters", text.chars().count()),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}
