//! What holds of the decoder whatever comes in. The fuzz target runs it, and so does a test, over the corpus and changes of it.

use serde_json::{Map, Value};
use viva_celery::{Incoming, decode};

/// Larger bodies are refused unread.
const MAX_BYTES: usize = 1 << 16;

/// A fault is shown in logs, in dead letters and to the producer: an excerpt, not the message again.
const MAX_FAULT: usize = 1000;

/// Reads an input (a line of JSON with `headers` and properties, then the body) as a message, and decodes it; whether it was a task.
pub fn check(input: &[u8]) -> bool {
    let message = message(input);
    match decode(&message, MAX_BYTES) {
        Ok(task) => {
            assert!(!task.id.is_empty() && !task.name.is_empty());
            assert_eq!(task.headers, message.headers, "what is unknown is kept");
            assert!(message.body.len() <= MAX_BYTES);
            let limits = [task.time_limit.hard_s, task.time_limit.soft_s];
            assert!(limits.iter().flatten().all(|limit| limit.is_finite() && *limit >= 0.0), "{limits:?}");
            // What events show of it.
            assert!(!task.args_text().is_empty() || task.args_repr.is_some());
            assert!(!task.kwargs_text().is_empty() || task.kwargs_repr.is_some());
            true
        }
        Err(fault) => {
            let text = fault.to_string();
            assert!(!text.is_empty() && text.len() <= MAX_FAULT, "{} bytes: {}", text.len(), &text[..text.floor_char_boundary(200)]);
            false
        }
    }
}

fn message(input: &[u8]) -> Incoming {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let head: Map<String, Value> = serde_json::from_slice(&input[..end]).unwrap_or_default();
    let text = |name: &str| head.get(name).and_then(Value::as_str).map(str::to_owned);
    Incoming {
        content_type: text("content_type"),
        content_encoding: text("content_encoding"),
        correlation_id: text("correlation_id"),
        reply_to: text("reply_to"),
        priority: head.get("priority").and_then(Value::as_u64).unwrap_or_default() as u8,
        headers: head.get("headers").and_then(Value::as_object).cloned().unwrap_or_default(),
        body: input.get(end + 1..).unwrap_or_default().to_vec(),
    }
}
