//! Events as Flower, `celery events` and exporters read them.
//!
//! Whoever has something to tell leaves it here and goes on; the heart thread publishes it. Events are telemetry: where
//! nobody takes them off, the newest are dropped and counted, and no task waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value, json};
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
    utc_offset: UtcOffset,
    lamport: Arc<Lamport>,
    enabled: AtomicBool,
    dropped: AtomicU64,
    waiting: mpsc::Sender<Value>,
}

impl Events {
    /// Events of a node, and where they come out.
    pub(crate) fn new(settings: &Settings, lamport: Arc<Lamport>) -> (Self, mpsc::Receiver<Value>) {
        let (waiting, out) = mpsc::channel(WAITING);
        let inner = Inner {
            node: settings.node_name.clone(),
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
    pub(crate) fn task(&self, kind: &'static str, id: &str, fields: Value) {
        if !self.enabled() {
            return;
        }
        let mut event = self.begin();
        event.insert("uuid".to_owned(), id.into());
        if self.0.waiting.try_send(end(event, kind, fields)).is_err() && self.0.dropped.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("task events are dropped: the broker does not take them as fast as they come");
        }
    }

    /// An event about the worker itself, for the heart to publish at once.
    pub(crate) fn worker(&self, kind: &'static str, fields: Value) -> Value {
        end(self.begin(), kind, fields)
    }

    fn begin(&self) -> Map<String, Value> {
        let mut event = Map::new();
        event.insert("hostname".to_owned(), self.0.node.as_str().into());
        if self.0.utc_offset == UtcOffset::Zero {
            event.insert("utcoffset".to_owned(), json!(0.0));
        }
        event.insert("pid".to_owned(), std::process::id().into());
        event.insert("clock".to_owned(), self.0.lamport.forward().into());
        event
    }
}

fn end(mut event: Map<String, Value>, kind: &'static str, fields: Value) -> Value {
    if let Value::Object(fields) = fields {
        event.extend(fields);
    }
    event.insert("timestamp".to_owned(), clock::epoch_s().into());
    event.insert("type".to_owned(), kind.into());
    Value::Object(event)
}
