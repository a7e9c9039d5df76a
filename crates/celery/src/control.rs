//! Remote control: what `celery inspect`, `celery control`, Flower and other workers ask of a worker.
//!
//! Requests are answered on the heart thread, from the shared state, without waiting for anything. What takes time goes on
//! elsewhere; the answer says that it will be done, as Python's workers' answers do.

mod act;
mod inspect;

use std::sync::Arc;

use lapin::BasicProperties;
use serde_json::{Map, Value, json};

use crate::message::Incoming;
use crate::node::Shared;

/// A request.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) method: String,
    arguments: Map<String, Value>,
    destination: Vec<String>,
    /// A pattern for node names, and whether it is a glob or a regular expression.
    pattern: Option<(String, String)>,
    /// Exchange and key.
    pub(crate) reply_to: Option<(String, String)>,
    pub(crate) ticket: Value,
    clock: u64,
}

/// What comes of a request.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Nothing is said at all where there is none.
    pub(crate) reply: Option<Value>,
    /// A heartbeat is to follow at once.
    pub(crate) beat: bool,
}

impl Message {
    /// Reads a request; what is none is nobody's.
    pub(crate) fn read(properties: &BasicProperties, body: &[u8]) -> Option<Self> {
        let headers = Incoming::new(properties, Vec::new()).headers;
        let mut body: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let text = |body: &Map<String, Value>, name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        let destination = crate::node::many(body.get("destination").unwrap_or(&Value::Null));
        let reply_to = body.get("reply_to").and_then(Value::as_object);
        let reply_to = reply_to.and_then(|to| Some((text(to, "exchange")?, text(to, "routing_key")?)));
        Some(Self {
            method: text(&body, "method")?,
            destination: destination.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            pattern: text(&body, "pattern").zip(text(&body, "matcher")),
            reply_to,
            ticket: body.get("ticket").cloned().unwrap_or_default(),
            clock: headers.get("clock").and_then(Value::as_u64).unwrap_or_default(),
            arguments: match body.remove("arguments") {
                Some(Value::Object(arguments)) => arguments,
                _ => Map::new(),
            },
        })
    }

    fn is_for(&self, node: &str) -> bool {
        if !self.destination.is_empty() {
            return self.destination.iter().any(|name| name == node);
        }
        match &self.pattern {
            Some((pattern, matcher)) if matcher == "pcre" => {
                regex_lite::Regex::new(&format!("^(?:{pattern})")).is_ok_and(|regex| regex.is_match(node))
            }
            Some((pattern, _)) => regex_lite::Regex::new(&glob(pattern)).is_ok_and(|regex| regex.is_match(node)),
            None => true,
        }
    }
}

/// Does what is asked, if it is asked of this node.
pub(crate) fn handle(shared: &Arc<Shared>, message: &Message) -> Said {
    shared.lamport.adjust(message.clock);
    if !message.is_for(&shared.settings.node_name) {
        return Said::default();
    }
    let arguments = Arguments(&message.arguments);
    tracing::debug!(method = message.method, "remote control");
    match message.method.as_str() {
        "heartbeat" => Said { reply: Some(Value::Null), beat: true },
        "shutdown" => {
            shared.shutdown_asked.cancel();
            Said::default()
        }
        method => {
            let said = inspect::inspect(shared, method, &arguments).or_else(|| act::act(shared, method, &arguments));
            let reply = said.unwrap_or_else(|| Err(format!("KeyError('{method}')")));
            Said { reply: Some(reply.unwrap_or_else(|error| json!({ "error": error }))), beat: false }
        }
    }
}

/// An answer, or what Python would print of the exception.
type Reply = Result<Value, String>;

#[expect(clippy::unnecessary_wraps, reason = "the answer of a command that may fail")]
fn ok(text: impl Into<String>) -> Reply {
    Ok(json!({ "ok": text.into() }))
}

/// The arguments of a request.
struct Arguments<'m>(&'m Map<String, Value>);

impl Arguments<'_> {
    fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).as_str()
    }

    fn need(&self, method: &str, name: &str) -> Result<&str, String> {
        self.need_any(method, name)?;
        self.text(name).ok_or_else(|| format!("TypeError(\"{method}() needs text as '{name}'\")"))
    }

    fn need_any(&self, method: &str, name: &str) -> Result<(), String> {
        let missing = || format!("TypeError(\"{method}() missing 1 required positional argument: '{name}'\")");
        self.0.contains_key(name).then_some(()).ok_or_else(missing)
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Value::Bool(true))
    }

    /// A list of text, or one.
    fn texts(&self, name: &str) -> Vec<String> {
        crate::node::many(self.get(name)).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

/// A shell pattern as a regular expression.
fn glob(pattern: &str) -> String {
    let mut regex = String::from("^");
    for letter in pattern.chars() {
        match letter {
            '*' => regex.push_str(".*"),
            '?' => regex.push('.'),
            '[' | ']' => regex.push(letter),
            letter => regex.push_str(&regex_lite::escape(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    regex + "$"
}
