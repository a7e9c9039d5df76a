//! What a worker that starts asks the others: which tasks were called back while it was not there, and how late it is by Celery's
//! logical clock. Python's workers call it mingle.
//!
//! Asked on a channel of its own, whenever the mailbox opens; who does not answer within a second is not waited for.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream as _;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Consumer};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::pidbox::{EXCHANGE, REPLIES};
use crate::Error;
use crate::broker::within;
use crate::clock::Instant;
use crate::message::{short, table};
use crate::node::Shared;

/// How long answers are waited for, as Python's workers wait.
const ANSWERS: Duration = Duration::from_secs(1);

/// Asks, and takes over what the others know.
pub(super) async fn mingle(shared: Arc<Shared>, channel: Channel) {
    match ask(&shared, &channel).await {
        Ok(0) => tracing::debug!("no other worker answers"),
        Ok(others) => tracing::info!(others, "what the other workers know of is known here, too"),
        Err(error) => tracing::warn!(%error, "the other workers could not be asked what was revoked"),
    }
    // It may have been closed by the very error.
    channel.close(200, "asked".into()).await.ok();
}

/// How many have answered.
async fn ask(shared: &Shared, channel: &Channel) -> Result<usize, Error> {
    let own = Uuid::new_v4().to_string();
    let mut answers = answers(channel, &own).await?;
    let (node, revoked) = (&shared.settings.node_name, shared.desk().revoked.ids());
    let question = json!({
        "method": "hello", "arguments": { "from_node": node, "revoked": revoked }, "destination": null, "pattern": null, "matcher": null,
        "ticket": own, "reply_to": { "exchange": REPLIES, "routing_key": own },
    });
    let headers = json!({ "clock": shared.lamport.forward() });
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_headers(table(headers.as_object().expect("it was written as one above"))?);
    let body = question.to_string();
    let publish = channel.basic_publish(EXCHANGE.into(), "".into(), BasicPublishOptions::default(), body.as_bytes(), properties);
    within("greeting the other workers", publish).await?;
    let (mut others, until) = (0, Instant::now() + ANSWERS);
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut answers).poll_next(context));
        let Ok(Some(Ok(delivery))) = tokio::time::timeout_at(until, next).await else { return Ok(others) };
        others += learn(shared, &delivery.data);
    }
}

/// A queue for the answers, gone with the channel.
async fn answers(channel: &Channel, key: &str) -> Result<Consumer, Error> {
    let queue = format!("{key}.{REPLIES}");
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(10_000));
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    within("declaring a queue for answers", channel.queue_declare(short(&queue)?, options, arguments)).await?;
    let bind = channel.queue_bind(short(&queue)?, REPLIES.into(), short(key)?, QueueBindOptions::default(), FieldTable::default());
    within("binding a queue for answers", bind).await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    within("waiting for answers", channel.basic_consume(short(&queue)?, "".into(), options, FieldTable::default())).await
}

/// How many others speak in an answer: one, or none where it is our own.
fn learn(shared: &Shared, body: &[u8]) -> usize {
    let Ok(said) = serde_json::from_slice::<Map<String, Value>>(body) else { return 0 };
    let others = said.iter().filter(|(node, said)| **node != shared.settings.node_name && said.is_object());
    let mut told = 0;
    for (_, said) in others {
        shared.lamport.adjust(said["clock"].as_u64().unwrap_or_default());
        shared.desk().revoked.add_all(&said["revoked"]);
        told += 1;
    }
    told
}
