//! What a resume says: its text, or what the platform made of it.

use serde_json::Value;
use viva_core::store::Resume;

/// The text that was taken from the file; where there is none, what the platform's structure says. None if there is neither.
pub(crate) fn text(resume: &Resume) -> Option<String> {
    let extracted = resume.extracted_text.as_deref().filter(|text| !text.trim().is_empty());
    extracted.map(str::to_owned).or_else(|| structured(resume).map(|data| lines(&data)).filter(|text| !text.trim().is_empty()))
}

/// The platform's structure of a resume. Some rows hold it as text inside of JSON.
pub(crate) fn structured(resume: &Resume) -> Option<Value> {
    match resume.structured_data.as_ref()? {
        Value::String(encoded) => serde_json::from_str(encoded).ok(),
        data => Some(data.clone()),
    }
}

/// A section for each key, a line for each entry.
fn lines(data: &Value) -> String {
    let Some(sections) = data.as_object() else { return words(data) };
    let section = |(name, entries): (&String, &Value)| {
        let entries = entries.as_array().map_or_else(|| vec![words(entries)], |entries| entries.iter().map(words).collect());
        let entries: Vec<String> = entries.into_iter().filter(|entry| !entry.is_empty()).collect();
        if entries.is_empty() { String::new() } else { format!("# {name}\n{}\n\n", entries.join("\n")) }
    };
    sections.iter().map(section).collect()
}

/// All the texts and numbers inside a value, in order.
fn words(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => String::new(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(items) => join(items.iter()),
        Value::Object(fields) => join(fields.values()),
    }
}

fn join<'v>(values: impl Iterator<Item = &'v Value>) -> String {
    values.map(words).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ")
}
