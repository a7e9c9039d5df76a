//! A delivery's headers and body become a [`Task`].
//!
//! Of the headers that Celery knows each may be missing or null, and has one type otherwise; all others may be anything.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Embed, Fault, Incoming, Signature, Task, TimeLimit, when};

/// Reads a task message; bodies of more than `max_bytes` are not looked at.
pub fn decode(message: &Incoming, max_bytes: usize) -> Result<Task, Fault> {
    let task = read(message, max_bytes)?;
    Ok(Task { headers: message.headers.clone(), ..task })
}

/// The same, and takes the headers out of the message, if it is a task.
pub(crate) fn take(message: &mut Incoming, max_bytes: usize) -> Result<Task, Fault> {
    let task = read(message, max_bytes)?;
    Ok(Task { headers: std::mem::take(&mut message.headers), ..task })
}

/// All but the headers.
fn read(message: &Incoming, max_bytes: usize) -> Result<Task, Fault> {
    if message.body.len() > max_bytes {
        return Err(Fault::TooLarge { bytes: message.body.len(), max_bytes });
    }
    check_format(message)?;
    let headers = Headers(&message.headers);
    if !message.headers.contains_key("task") && is_protocol_1(&message.body) {
        return Err(Fault::Protocol1);
    }
    let name = headers.text("task")?.filter(|name| !name.is_empty()).ok_or(Fault::Missing("task"))?;
    let id = headers.text("id")?.filter(|id| !id.is_empty()).ok_or(Fault::Missing("id"))?;
    headers.check_decorations()?;
    let (args, kwargs, embed) = body(&message.body)?;
    Ok(Task {
        id,
        name,
        args,
        kwargs,
        embed,
        eta: headers.time("eta")?,
        expires: headers.time("expires")?,
        retries: headers.count("retries")?.unwrap_or_default(),
        time_limit: headers.time_limit()?,
        priority: message.priority,
        reply_to: message.reply_to.clone().filter(|queue| !queue.is_empty()),
        correlation_id: message.correlation_id.clone(),
        root_id: headers.text("root_id")?,
        parent_id: headers.text("parent_id")?,
        group: headers.text("group")?,
        group_index: headers.whole("group_index")?,
        args_repr: headers.text("argsrepr")?,
        kwargs_repr: headers.text("kwargsrepr")?,
        ignore_result: headers.flag("ignore_result")?.unwrap_or_default(),
        shadow: headers.text("shadow")?,
        origin: headers.text("origin")?,
        stamps: headers.map("stamps")?,
        headers: Map::new(),
    })
}

/// Whom an answer about an unreadable message would reach: the task's id, if any can be found.
pub(crate) fn addressee(message: &Incoming) -> Option<String> {
    let header = message.headers.get("id").and_then(Value::as_str).map(str::to_owned);
    header.or_else(|| message.correlation_id.clone()).filter(|id| !id.is_empty())
}

fn check_format(message: &Incoming) -> Result<(), Fault> {
    let kind = message.content_type.as_deref().unwrap_or("application/json");
    let encoding = message.content_encoding.as_deref().unwrap_or("utf-8").to_ascii_lowercase();
    if kind != "application/json" || !matches!(encoding.as_str(), "utf-8" | "utf8" | "us-ascii" | "ascii") {
        return Err(Fault::Serializer(format!("{} in {}", excerpt(&kind.into()), excerpt(&encoding.into()))));
    }
    match message.headers.get("compression") {
        None | Some(Value::Null) => Ok(()),
        Some(compression) => Err(Fault::Serializer(format!("compressed with {}", excerpt(compression)))),
    }
}

fn is_protocol_1(body: &[u8]) -> bool {
    let body: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    body.is_some_and(|body| body.contains_key("task") && body.contains_key("id"))
}

type Body = (Vec<Value>, Map<String, Value>, Embed);

fn body(bytes: &[u8]) -> Result<Body, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| Fault::Encoding(error.to_string()))?;
    let body: Value = serde_json::from_str(text).map_err(|error| Fault::Json(error.to_string()))?;
    let wrong = |place: &str, expected, found: &Value| Fault::Body { place: place.to_owned(), expected, found: excerpt(found) };
    let Value::Array(parts) = body else { return Err(wrong("the body", "[args, kwargs, embed]", &body)) };
    let parts: [Value; 3] = parts.try_into().map_err(|parts: Vec<Value>| Fault::Body {
        place: "the body".to_owned(),
        expected: "[args, kwargs, embed]",
        found: format!("a list of {}", parts.len()),
    })?;
    match parts {
        [Value::Array(args), Value::Object(kwargs), Value::Object(mut follow)] => Ok((args, kwargs, embed(&mut follow)?)),
        [Value::Array(args), Value::Object(kwargs), Value::Null] => Ok((args, kwargs, Embed::default())),
        [Value::Array(_), Value::Object(_), embed] => Err(wrong("embed", "an object", &embed)),
        [Value::Array(_), kwargs, _] => Err(wrong("kwargs", "an object", &kwargs)),
        [args, ..] => Err(wrong("args", "a list", &args)),
    }
}

fn embed(fields: &mut Map<String, Value>) -> Result<Embed, Fault> {
    if fields.get("chord").is_some_and(|chord| !chord.is_null()) {
        return Err(Fault::Chord);
    }
    let mut signatures = |place: &str| match fields.remove(place) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.into_iter().map(|item| signature(place, item)).collect::<Result<Vec<_>, _>>(),
        // A single link, as some producers write it.
        Some(one @ Value::Object(_)) => Ok(vec![signature(place, one)?]),
        Some(other) => Err(Fault::Body { place: format!("embed.{place}"), expected: "a list of signatures", found: excerpt(&other) }),
    };
    Ok(Embed { callbacks: signatures("callbacks")?, errbacks: signatures("errbacks")?, chain: signatures("chain")? })
}

fn signature(place: &str, item: Value) -> Result<Signature, Fault> {
    let found = excerpt(&item);
    let signature: Option<Signature> = serde_json::from_value(item).ok().filter(|signature: &Signature| !signature.task.is_empty());
    signature.ok_or_else(|| Fault::Body { place: format!("embed.{place}"), expected: "a list of signatures", found })
}

fn excerpt(value: &Value) -> String {
    let text = super::repr(value);
    text.chars().take(80).collect()
}

struct Headers<'m>(&'m Map<String, Value>);

impl Headers<'_> {
    fn get<T>(&self, header: &'static str, expected: &'static str, read: impl FnOnce(&Value) -> Option<T>) -> Result<Option<T>, Fault> {
        match self.0.get(header) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match read(value) {
                Some(read) => Ok(Some(read)),
                None => Err(Fault::Header { header, expected, found: excerpt(value) }),
            },
        }
    }

    fn text(&self, header: &'static str) -> Result<Option<String>, Fault> {
        self.get(header, "text", |value| value.as_str().map(str::to_owned))
    }

    fn flag(&self, header: &'static str) -> Result<Option<bool>, Fault> {
        self.get(header, "true or false", Value::as_bool)
    }

    fn whole(&self, header: &'static str) -> Result<Option<i64>, Fault> {
        self.get(header, "a whole number", Value::as_i64)
    }

    fn count(&self, header: &'static str) -> Result<Option<u32>, Fault> {
        self.get(header, "a whole number from 0", |value| value.as_u64().and_then(|n| u32::try_from(n).ok()))
    }

    fn time(&self, header: &'static str) -> Result<Option<DateTime<Utc>>, Fault> {
        self.get(header, "a time in ISO 8601", |value| value.as_str().and_then(when::parse))
    }

    fn map(&self, header: &'static str) -> Result<Map<String, Value>, Fault> {
        Ok(self.get(header, "a table", |value| value.as_object().cloned())?.unwrap_or_default())
    }

    fn time_limit(&self) -> Result<TimeLimit, Fault> {
        let limit = |value: &Value| match value {
            Value::Null => Some(None),
            // Nothing ends before it began, and a wait of more than a year is none.
            number => number.as_f64().filter(|s| (0.0..=31_536_000.0).contains(s)).map(Some),
        };
        let read = |value: &Value| match value.as_array()?.as_slice() {
            [hard, soft] => Some(TimeLimit { hard_s: limit(hard)?, soft_s: limit(soft)? }),
            _ => None,
        };
        Ok(self.get("timelimit", "two numbers of seconds, hard and soft", read)?.unwrap_or_default())
    }

    /// What nothing here depends on, and still has a type.
    fn check_decorations(&self) -> Result<(), Fault> {
        self.text("lang")?;
        self.whole("replaced_task_nesting")?;
        self.get("stamped_headers", "a list of text", |value| value.as_array()?.iter().all(Value::is_string).then_some(()))?;
        Ok(())
    }
}
