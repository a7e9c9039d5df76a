//! Tasks on their way out: as `send_task` would write them.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use lapin::BasicProperties;
use lapin::types::{FieldTable, ShortString};
use serde_json::{Map, Value, json};

use super::{Task, repr, repr_args, short, table, value_of};
use crate::{Call, Error, clock};

/// A message, ready to be published.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

impl Outgoing {
    /// The message of a call under the id `id`. `origin` is the sender's name.
    pub(crate) fn new(call: &Call, id: &str, origin: &str) -> Result<Self, Error> {
        let due = |after: std::time::Duration| TimeDelta::from_std(after).ok().and_then(|after| clock::wall().checked_add_signed(after));
        let eta = call.eta.or_else(|| call.countdown.and_then(due));
        let mut headers = json!({
            "lang": "py", "task": call.name, "id": id, "shadow": null,
            "eta": eta.map(clock::iso), "expires": call.expires.map(clock::iso),
            "group": call.group, "group_index": call.group_index, "retries": call.retries,
            "timelimit": [call.time_limit.hard_s, call.time_limit.soft_s],
            "root_id": call.root_id.as_deref().unwrap_or(id), "parent_id": call.parent_id,
            "argsrepr": repr_args(&call.args), "kwargsrepr": repr(&Value::Object(call.kwargs.clone())),
            "origin": origin, "ignore_result": call.ignore_result, "replaced_task_nesting": 0,
            "stamped_headers": null, "stamps": {},
        });
        let known = headers.as_object_mut().expect("it was written as one above");
        known.extend(call.headers.clone());
        let headers = table(known)?;
        let follow = |signatures: &[crate::Signature]| (!signatures.is_empty()).then(|| json!(signatures));
        let embed = json!({
            "callbacks": follow(&call.link), "errbacks": follow(&call.link_error),
            "chain": follow(&call.chain), "chord": null,
        });
        let properties = properties(headers, call.priority).with_correlation_id(short(id)?);
        let properties = match &call.reply_to {
            Some(queue) => properties.with_reply_to(short(queue)?),
            None => properties,
        };
        let properties = match call.expires {
            Some(expires) => properties.with_expiration(expires_in_ms(expires).to_string().into()),
            None => properties,
        };
        Ok(Self { properties, body: json!([call.args, call.kwargs, embed]).to_string().into_bytes() })
    }
}

/// The header in which a worker says how long a task waits that it has tried again, in milliseconds from when it is taken.
pub(crate) const DELAY_MS: &str = "viva_delay_ms";

/// How a task is changed when it is sent once more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retried {
    pub(crate) retries: u32,
    pub(crate) after: Duration,
    pub(crate) eta: DateTime<Utc>,
}

/// The properties of a task that is tried once more: all that came, with a higher count and a time. The body stays.
pub(crate) fn retried(original: &BasicProperties, task: &Task, how: Retried) -> Result<BasicProperties, Error> {
    let mut headers = original.headers().clone().unwrap_or_default();
    let mut set = |name: &str, value: Value| -> Result<(), Error> {
        headers.insert(short(name)?, value_of(&value)?);
        Ok(())
    };
    set("retries", how.retries.into())?;
    // For Celery's own workers, which compare it with their clocks; ours go by the length of time.
    set("eta", clock::iso(how.eta).into())?;
    set(DELAY_MS, (how.after.as_millis() as u64).into())?;
    set("parent_id", task.id.clone().into())?;
    let properties = again(original, headers, false);
    Ok(match task.expires {
        Some(expires) => properties.with_expiration(expires_in_ms(expires).to_string().into()),
        None => properties,
    })
}

/// The properties of all that this crate publishes for later: persistent JSON.
fn properties(headers: FieldTable, priority: u8) -> BasicProperties {
    BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_headers(headers)
        .with_delivery_mode(2)
        .with_priority(priority)
}

fn expires_in_ms(at: DateTime<Utc>) -> i64 {
    (at - clock::wall()).num_milliseconds().max(0)
}

/// Properties of the same message, to be published by this process with other headers. Without the user who sent it: the
/// broker refuses any but our own. `expiration` keeps the time after which the broker drops it.
fn again(original: &BasicProperties, headers: FieldTable, expiration: bool) -> BasicProperties {
    type With = fn(BasicProperties, ShortString) -> BasicProperties;
    let mut again = BasicProperties::default().with_headers(headers);
    let texts: [(&Option<ShortString>, With); 7] = [
        (original.content_type(), BasicProperties::with_content_type),
        (original.content_encoding(), BasicProperties::with_content_encoding),
        (original.correlation_id(), BasicProperties::with_correlation_id),
        (original.reply_to(), BasicProperties::with_reply_to),
        (original.message_id(), BasicProperties::with_message_id),
        (original.kind(), BasicProperties::with_type),
        (original.app_id(), BasicProperties::with_app_id),
    ];
    for (text, with) in texts {
        if let Some(text) = text {
            again = with(again, text.clone());
        }
    }
    if let Some(expires) = original.expiration().as_ref().filter(|_| expiration) {
        again = again.with_expiration(expires.clone());
    }
    if let Some(at) = original.timestamp() {
        again = again.with_timestamp(*at);
    }
    if let Some(priority) = original.priority() {
        again = again.with_priority(*priority);
    }
    again.with_delivery_mode(original.delivery_mode().unwrap_or(2))
}

/// The message as it came, for another queue.
pub(crate) fn unchanged(original: &BasicProperties) -> BasicProperties {
    if original.user_id().is_none() {
        return original.clone();
    }
    again(original, original.headers().clone().unwrap_or_default(), true)
}

/// The message with some more headers, to be kept until somebody takes it.
pub(crate) fn kept_with(original: &BasicProperties, more: &Map<String, Value>) -> Result<BasicProperties, Error> {
    let mut headers = original.headers().clone().unwrap_or_default();
    for (name, value) in more {
        headers.insert(short(name)?, value_of(value)?);
    }
    Ok(again(original, headers, false).with_delivery_mode(2))
}

/// The message without the headers that `drop` names.
pub(crate) fn without_headers(original: &BasicProperties, drop: impl Fn(&str) -> bool) -> BasicProperties {
    let headers = original.headers().clone().unwrap_or_default();
    let kept = headers.inner().iter().filter(|(name, _)| !drop(name.as_str()));
    let kept: BTreeMap<_, _> = kept.map(|(name, value)| (name.clone(), value.clone())).collect();
    again(original, kept.into(), false)
}
