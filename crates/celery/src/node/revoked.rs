use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::Value;

use crate::clock::Instant;

/// How many ids are remembered, and how long: as many and as long as Python's workers do.
const MAX_IDS: usize = 50_000;
const KEPT_S: u64 = 10_800;

/// Ids, and stamps, of tasks that are not to run.
#[derive(Debug, Default)]
pub(crate) struct Revoked {
    since: HashMap<String, Instant>,
    order: VecDeque<String>,
    stamps: BTreeMap<String, Vec<Value>>,
}

impl Revoked {
    pub(crate) fn add(&mut self, id: &str) {
        if self.since.insert(id.to_owned(), Instant::now()).is_none() {
            self.order.push_back(id.to_owned());
        }
        self.purge();
    }

    /// What another worker knows: ids, or ids with the time of their revocation.
    pub(crate) fn add_all(&mut self, theirs: &Value) {
        match theirs {
            Value::Object(ids) => ids.keys().for_each(|id| self.add(id)),
            ids => many(ids).iter().filter_map(Value::as_str).for_each(|id| self.add(id)),
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.since.get(id).is_some_and(|since| since.elapsed().as_secs() < KEPT_S)
    }

    /// Oldest first: whoever takes them over and has no room for all forgets these first.
    pub(crate) fn ids(&mut self) -> Vec<String> {
        self.purge();
        self.order.iter().filter(|id| self.contains(id)).cloned().collect()
    }

    pub(crate) fn add_stamps(&mut self, header: &str, values: &Value) {
        self.stamps.entry(header.to_owned()).or_default().extend(many(values));
    }

    /// Whether one of the task's stamps was revoked.
    pub(crate) fn has_stamp(&self, stamps: &serde_json::Map<String, Value>) -> bool {
        stamps.iter().any(|(header, values)| {
            let revoked = self.stamps.get(header);
            revoked.is_some_and(|revoked| many(values).iter().any(|value| revoked.contains(value)))
        })
    }

    fn purge(&mut self) {
        while let Some(oldest) = self.order.front() {
            let old = self.since.get(oldest).is_none_or(|since| since.elapsed().as_secs() >= KEPT_S);
            if !old && self.order.len() <= MAX_IDS {
                return;
            }
            if let Some(oldest) = self.order.pop_front() {
                self.since.remove(&oldest);
            }
        }
    }
}

/// A value, or the values of a list.
pub(crate) fn many(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(values) => values.clone(),
        one => vec![one.clone()],
    }
}
