//! Between AMQP's field types and JSON.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, LongString, ShortString};
use serde_json::{Map, Number, Value};

use crate::Error;

/// A message as it came, before it is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Incoming {
    /// `application/json`.
    pub content_type: Option<String>,
    /// `utf-8`.
    pub content_encoding: Option<String>,
    /// What the producer knows the answer by.
    pub correlation_id: Option<String>,
    /// Where the producer waits for it.
    pub reply_to: Option<String>,
    /// 0 where none is set.
    pub priority: u8,
    /// The header table.
    pub headers: Map<String, Value>,
    /// The payload.
    pub body: Vec<u8>,
}

impl Incoming {
    pub(crate) fn new(properties: &BasicProperties, body: Vec<u8>) -> Self {
        let text = |field: &Option<ShortString>| field.as_ref().map(ToString::to_string);
        Self {
            content_type: text(properties.content_type()),
            content_encoding: text(properties.content_encoding()),
            correlation_id: text(properties.correlation_id()),
            reply_to: text(properties.reply_to()),
            priority: properties.priority().unwrap_or_default(),
            headers: properties.headers().as_ref().map(fields).unwrap_or_default(),
            body,
        }
    }
}

/// A name as AMQP takes it: at most 255 bytes.
pub(crate) fn short(text: &str) -> Result<ShortString, Error> {
    ShortString::try_new(text).map_err(|_| Error::TooLong { text: text.chars().take(80).collect() })
}

/// A header table with the types that py-amqp uses.
pub(crate) fn table(headers: &Map<String, Value>) -> Result<FieldTable, Error> {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert(short(name)?, value_of(value)?);
    }
    Ok(table)
}

pub(crate) fn value_of(value: &Value) -> Result<AMQPValue, Error> {
    Ok(match value {
        Value::Null => AMQPValue::Void,
        Value::Bool(flag) => AMQPValue::Boolean(*flag),
        Value::Number(number) => number_of(number),
        Value::String(text) => AMQPValue::LongString(LongString::from(text.as_str())),
        Value::Array(items) => AMQPValue::FieldArray(items.iter().map(value_of).collect::<Result<Vec<_>, _>>()?.into()),
        Value::Object(fields) => AMQPValue::FieldTable(table(fields)?),
    })
}

fn number_of(number: &Number) -> AMQPValue {
    match number.as_i64() {
        Some(whole) => i32::try_from(whole).map_or(AMQPValue::LongLongInt(whole), AMQPValue::LongInt),
        None => AMQPValue::Double(number.as_f64().unwrap_or(f64::NAN)),
    }
}

fn fields(table: &FieldTable) -> Map<String, Value> {
    table.inner().iter().map(|(name, value)| (name.to_string(), json(value))).collect()
}

/// Text that is not UTF-8 becomes the list of its bytes: where text is needed it is refused, and elsewhere it is kept.
fn json(value: &AMQPValue) -> Value {
    let float = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
    match value {
        AMQPValue::Boolean(flag) => Value::Bool(*flag),
        AMQPValue::ShortShortInt(n) => (*n).into(),
        AMQPValue::ShortShortUInt(n) => (*n).into(),
        AMQPValue::ShortInt(n) => (*n).into(),
        AMQPValue::ShortUInt(n) => (*n).into(),
        AMQPValue::LongInt(n) => (*n).into(),
        AMQPValue::LongUInt(n) => (*n).into(),
        AMQPValue::LongLongInt(n) => (*n).into(),
        AMQPValue::Timestamp(n) => (*n).into(),
        AMQPValue::Float(n) => float(f64::from(*n)),
        AMQPValue::Double(n) => float(*n),
        AMQPValue::DecimalValue(n) => float(f64::from(n.value) / 10_f64.powi(i32::from(n.scale))),
        AMQPValue::ShortString(text) => text.as_str().into(),
        AMQPValue::LongString(text) => text_or_bytes(text.as_bytes()),
        AMQPValue::ByteArray(bytes) => text_or_bytes(bytes.as_slice()),
        AMQPValue::FieldArray(items) => items.as_slice().iter().map(json).collect(),
        AMQPValue::FieldTable(table) => Value::Object(fields(table)),
        AMQPValue::Void => Value::Null,
    }
}

fn text_or_bytes(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().collect(), Value::from)
}
