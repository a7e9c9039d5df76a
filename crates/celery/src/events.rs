//! Events as Flower, `celery events` and exporters read them.
//!
//! Whoever has something to tell leaves it here and goes on; the heart thread publishes it. Events are telemetry: where
//! nobody takes them off, the newest are dropped and counted, and no task waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{Settings, UtcOffset, clock};

/// How many events wait for the heart thread.
const WAITING: usize = 8192;

/// Celery's logical clock: it goes up with every message, and past the clock of every message received.
#[derive(Debug, Default)]
pub(crate) struct Lamport(AtomicU64);

impl Lamport {
    pub(crate) fn forward(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn adjust(&self, other: u64) {
        // A clock of the far future, sent by mistake, must not overflow ours.
        let seen = self.0.fetch_max(other.min(u64::MAX / 2), Ordering::Relaxed).max(other.min(u64::MAX / 2));
        self.0.fetch_max(seen + 1, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where events are left. Clones lead to the same heart.
#[derive(Debug, Clone)]
pub(crate) struct Events(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: String,
    /// Asking for it is a call of the system's.
    pid: u32,
    utc_offset: UtcOffset,
    lamport: Arc<Lamport>,
    enabled: AtomicBool,
    dropped: AtomicU64,
    waiting: mpsc::Sender<String>,
}

impl Events {
    /// Events of a node, and where they come out.
    pub(crate) fn new(settings: &Settings, lamport: Arc<Lamport>) -> (Self, mpsc::Receiver<String>) {
        let (waiting, out) = mpsc::channel(WAITING);
        let inner = Inner {
            node: settings.node_name.clone(),
            pid: std::process::id(),
            utc_offset: settings.utc_offset,
            lamport,
            enabled: AtomicBool::new(settings.task_events),
            dropped: AtomicU64::new(0),
            waiting,
        };
        (Self(Arc::new(inner)), out)
    }

    /// Whether task events are sent; returns what was so before.
    pub(crate) fn enable(&self, enabled: bool) -> bool {
        self.0.enabled.swap(enabled, Ordering::Relaxed)
    }

    pub(crate) fn enabled(&self) -> bool {
        self.0.enabled.load(Ordering::Relaxed)
    }

    /// Tells something about a task.
    pub(crate) fn task(&self, kind: &'static str, id: &str, fields: &[(&'static str, Value)]) {
        if !self.enabled() {
            return;
        }
        let event = self.event(kind, Some(id), fields);
        if self.0.waiting.try_send(event).is_err() && self.0.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("task events are dropped: the broker does not take them as fast as they come");
        }
    }

    /// An event about the worker itself, for the heart to publish at once.
    pub(crate) fn worker(&self, kind: &'static str, fields: &[(&'static str, Value)]) -> String {
        self.event(kind, None, fields)
    }

    fn event(&self, kind: &'static str, id: Option<&str>, fields: &[(&'static str, Value)]) -> String {
        let event = Event { of: &self.0, clock: self.0.lamport.forward(), kind, id, fields };
        serde_json::to_string(&event).expect("events are plain JSON; this is a bug")
    }
}

/// Written at once, without a map of its own: there are three for each task.
struct Event<'e> {
    of: &'e Inner,
    clock: u64,
    kind: &'static str,
    id: Option<&'e str>,
    fields: &'e [(&'static str, Value)],
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("hostname", &self.of.node)?;
        if self.of.utc_offset == UtcOffset::Zero {
            map.serialize_entry("utcoffset", &0.0)?;
        }
        map.serialize_entry("pid", &self.of.pid)?;
        map.serialize_entry("clock", &self.clock)?;
        if let Some(id) = self.id {
            map.serialize_entry("uuid", id)?;
        }
        for (name, value) in self.fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("timestamp", &clock::epoch_s())?;
        map.serialize_entry("type", self.kind)?;
        map.end()
    }
}
