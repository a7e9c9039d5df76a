use lapin::BasicProperties;
use lapin::types::FieldTable;
use serde_json::Value;

use crate::broker::{Need, Publisher};
use crate::message::short;
use crate::{Envelope, Error};

/// `rpc://`: results are messages to the producer's reply queue.
///
/// A queue that is gone is the producer's choice: the result then vanishes, as with Python's workers.
#[derive(Debug)]
pub(crate) struct Rpc {
    publisher: Publisher,
    persistent: bool,
}

impl Rpc {
    pub(super) fn new(publisher: Publisher, persistent: bool) -> Self {
        Self { publisher, persistent }
    }

    pub(super) async fn store(&self, envelope: &Envelope, meta: &Value) -> Result<(), Error> {
        let Some(reply_to) = &envelope.reply_to else { return Ok(()) };
        let id = envelope.correlation_id.as_ref().unwrap_or(&envelope.id);
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_headers(FieldTable::default())
            .with_priority(0)
            .with_delivery_mode(if self.persistent { 2 } else { 1 })
            .with_correlation_id(short(id)?);
        self.publisher.publish(("", reply_to), Need::Broker, &properties, meta.to_string().as_bytes()).await
    }
}
