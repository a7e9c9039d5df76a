//! Results, where and as Python's clients look for them.

mod redis;
mod rpc;

use serde_json::{Map, Value, json};

use crate::broker::Publisher;
use crate::{Envelope, Error, Exception, ResultBackend, Settings, clock};

/// How a task stands, for its producer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum State<'s> {
    /// It runs, in this process of this node.
    Started { pid: u32, hostname: &'s str },
    /// It returned this; these are the tasks that it led to.
    Success { value: &'s Value, children: Vec<String> },
    /// It failed.
    Failure(&'s Exception),
    /// It failed and will be tried again.
    Retry(&'s Exception),
    /// It was called back: `revoked`, `terminated` or `expired`.
    Revoked(&'s str),
}

/// Keeps results.
#[derive(Debug)]
pub(crate) enum Results {
    None,
    Rpc(rpc::Rpc),
    Redis(Box<redis::Redis>),
}

impl Results {
    pub(crate) fn new(settings: &Settings, publisher: &Publisher) -> Result<Self, Error> {
        Ok(match &settings.result_backend {
            ResultBackend::None => Self::None,
            ResultBackend::Rpc { persistent } => Self::Rpc(rpc::Rpc::new(publisher.clone(), *persistent)),
            ResultBackend::Redis(url) => Self::Redis(Box::new(redis::Redis::new(url, settings.result_expires, settings.patience)?)),
        })
    }

    /// Whether an answer to this task would reach anybody.
    pub(crate) fn reaches(&self, envelope: &Envelope) -> bool {
        match self {
            Self::None => false,
            Self::Rpc(_) => envelope.reply_to.is_some(),
            Self::Redis(_) => true,
        }
    }

    /// Whether they can be asked for.
    pub(crate) fn remember(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// Whether there is a result that stays.
    pub(crate) async fn is_done(&self, id: &str) -> Result<bool, Error> {
        match self {
            Self::Redis(redis) => Ok(matches!(redis.status(id).await?.as_deref(), Some("SUCCESS" | "FAILURE"))),
            _ => Ok(false),
        }
    }

    /// Keeps a state; returns once the backend is answerable for it.
    pub(crate) async fn store(&self, envelope: &Envelope, state: &State<'_>, worker: &str) -> Result<(), Error> {
        match self {
            Self::None => Ok(()),
            Self::Rpc(rpc) => rpc.store(envelope, &meta(envelope, state, worker)).await,
            Self::Redis(redis) => redis.store(&envelope.id, &meta(envelope, state, worker)).await,
        }
    }

    /// Marks a task as revoked that nobody has begun; a worker that begins it sees that it is revoked.
    pub(crate) async fn revoke_pending(&self, id: &str) -> Result<(), Error> {
        match self {
            // Neither done nor begun, as far as its record says.
            Self::Redis(redis)
                if matches!(redis.status(id).await?.as_deref(), None | Some("PENDING" | "RECEIVED" | "RETRY" | "REJECTED")) =>
            {
                let envelope = Envelope::bare(id.to_owned(), None, None);
                redis.store(id, &meta(&envelope, &State::Revoked("revoked"), "")).await
            }
            _ => Ok(()),
        }
    }
}

/// The record that all backends keep.
fn meta(envelope: &Envelope, state: &State<'_>, worker: &str) -> Value {
    let (status, result, traceback) = match state {
        State::Started { pid, hostname } => ("STARTED", json!({ "pid": pid, "hostname": hostname }), None),
        State::Success { value, .. } => ("SUCCESS", (*value).clone(), None),
        State::Failure(exception) => ("FAILURE", exception.to_result(), Some(exception.trace())),
        State::Retry(exception) => ("RETRY", exception.to_result(), Some(exception.trace())),
        State::Revoked(reason) => ("REVOKED", Exception::revoked(reason).to_result(), None),
    };
    let children = match state {
        State::Success { children, .. } => children.iter().map(|id| json!([[id, null], null])).collect(),
        _ => Vec::new(),
    };
    let done = !matches!(state, State::Started { .. } | State::Retry(_));
    let mut meta = Map::new();
    meta.insert("status".to_owned(), status.into());
    meta.insert("result".to_owned(), result);
    meta.insert("traceback".to_owned(), traceback.into());
    meta.insert("children".to_owned(), children.into());
    meta.insert("date_done".to_owned(), done.then(|| clock::iso(clock::wall())).into());
    for (name, id) in [("group_id", &envelope.group), ("parent_id", &envelope.parent_id)] {
        if let Some(id) = id {
            meta.insert(name.to_owned(), id.as_str().into());
        }
    }
    if let Some((args, kwargs)) = &envelope.arguments {
        meta.insert("name".to_owned(), envelope.task.as_str().into());
        meta.insert("args".to_owned(), args.clone().into());
        meta.insert("kwargs".to_owned(), kwargs.clone().into());
        meta.insert("worker".to_owned(), worker.into());
        meta.insert("retries".to_owned(), envelope.retries.into());
        meta.insert("queue".to_owned(), envelope.queue.as_str().into());
    }
    meta.insert("task_id".to_owned(), envelope.id.as_str().into());
    Value::Object(meta)
}
