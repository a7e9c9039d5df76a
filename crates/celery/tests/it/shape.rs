//! What two JSON values have in common when their numbers and texts differ: keys and types.

use std::collections::BTreeMap;

use serde_json::Value;

/// Keys and types of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    Scalar(&'static str),
    /// The shapes that occur in it.
    List(Vec<Shape>),
    Object(BTreeMap<String, Shape>),
}

impl Shape {
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Scalar("null"),
            Value::Bool(_) => Self::Scalar("bool"),
            Value::Number(_) => Self::Scalar("number"),
            Value::String(_) => Self::Scalar("string"),
            Value::Array(items) => {
                let mut shapes: Vec<_> = items.iter().map(Self::of).collect();
                shapes.sort();
                shapes.dedup();
                Self::List(shapes)
            }
            Value::Object(fields) => Self::Object(fields.iter().map(|(key, value)| (key.clone(), Self::of(value))).collect()),
        }
    }

    /// Where `ours` is another shape than this one: `path: theirs ..., ours ...`.
    pub fn differences(&self, ours: &Self) -> Vec<String> {
        let mut found = Vec::new();
        self.compare(ours, "", &mut found);
        found
    }

    fn compare(&self, ours: &Self, path: &str, found: &mut Vec<String>) {
        match (self, ours) {
            (Self::Object(theirs), Self::Object(ours)) => {
                for key in theirs.keys().chain(ours.keys().filter(|key| !theirs.contains_key(*key))) {
                    let path = format!("{path}.{key}");
                    match (theirs.get(key), ours.get(key)) {
                        (Some(theirs), Some(ours)) => theirs.compare(ours, &path, found),
                        (Some(theirs), None) => found.push(format!("{path}: only theirs: {theirs:?}")),
                        (None, ours) => found.push(format!("{path}: only ours: {ours:?}")),
                    }
                }
            }
            // Two lists of one shape each say more when they are compared inside.
            (Self::List(theirs), Self::List(ours)) if theirs.len() == 1 && ours.len() == 1 => {
                theirs[0].compare(&ours[0], &format!("{path}[]"), found);
            }
            _ if self == ours => {}
            _ => found.push(format!("{path}: theirs {self:?}, ours {ours:?}")),
        }
    }
}
