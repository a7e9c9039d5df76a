//! Values as Python's `repr` prints them: what events show to people.

use std::fmt::Write as _;

use serde_json::Value;

/// How much of a value is shown; Celery's `resultrepr_maxsize`.
const MAX_CHARS: usize = 1024;

/// The value as Python prints it, cut short after 1024 characters.
pub fn repr(value: &Value) -> String {
    let mut out = String::new();
    write_value(&mut out, value);
    shorten(out)
}

/// Arguments as Python prints a tuple.
pub fn repr_args(args: &[Value]) -> String {
    let mut out = String::from("(");
    write_all(&mut out, args.iter(), write_value);
    out.push_str(if args.len() == 1 { ",)" } else { ")" });
    shorten(out)
}

fn shorten(text: String) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

fn write_value(out: &mut String, value: &Value) {
    // Nobody reads what comes after; a large result must not cost its size again for each event.
    if out.len() > 4 * MAX_CHARS {
        return;
    }
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(true) => out.push_str("True"),
        Value::Bool(false) => out.push_str("False"),
        Value::Number(number) => write!(out, "{number}").expect("a string takes all that is written"),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            write_all(out, items.iter(), write_value);
            out.push(']');
        }
        Value::Object(fields) => {
            out.push('{');
            write_all(out, fields.iter(), |out, (name, value)| {
                write_text(out, name);
                out.push_str(": ");
                write_value(out, value);
            });
            out.push('}');
        }
    }
}

fn write_all<T>(out: &mut String, items: impl Iterator<Item = T>, write: impl Fn(&mut String, T)) {
    for (at, item) in items.enumerate() {
        if out.len() > 4 * MAX_CHARS {
            return;
        }
        if at > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
}

fn write_text(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for letter in text.chars().take(4 * MAX_CHARS) {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            letter if letter == quote => out.extend(['\\', letter]),
            letter if (letter as u32) < 0x20 || letter as u32 == 0x7f => {
                write!(out, "\\x{:02x}", letter as u32).expect("a string takes all that is written");
            }
            letter => out.push(letter),
        }
    }
    out.push(quote);
}
