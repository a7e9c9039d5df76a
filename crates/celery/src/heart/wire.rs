use lapin::options::{BasicPublishOptions, ExchangeDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ExchangeKind};

use crate::Error;
use crate::broker::within;
use crate::node::Shared;

const EXCHANGE: &str = "celeryev";

/// The heart's connection, and the channel that events go out on.
#[derive(Debug)]
pub(super) struct Wire {
    connection: Connection,
    channel: Channel,
    node: String,
}

impl Wire {
    pub(super) async fn connect(shared: &Shared) -> Result<Self, Error> {
        let node = shared.settings.node_name.clone();
        let connection = shared.brokers.connect(&format!("{node} shows that it lives")).await?;
        let channel = within("opening a channel", connection.create_channel()).await?;
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declare = channel.exchange_declare(EXCHANGE.into(), ExchangeKind::Topic, durable, FieldTable::default());
        within("declaring the exchange celeryev", declare).await?;
        Ok(Self { connection, channel, node })
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends an event about the worker: alone, under its own key.
    pub(super) async fn event(&self, key: &str, event: &str) -> Result<(), Error> {
        self.publish(key, event).await
    }

    /// Sends events about tasks: several in one message.
    pub(super) async fn events(&self, events: &[String]) -> Result<(), Error> {
        self.publish("task.multi", &format!("[{}]", events.join(","))).await
    }

    pub(super) async fn close(&self) {
        within("closing a connection", self.connection.close(200, "bye".into())).await.ok();
    }

    async fn publish(&self, key: &str, body: &str) -> Result<(), Error> {
        let mut headers = FieldTable::default();
        headers.insert("hostname".into(), AMQPValue::LongString(self.node.as_str().into()));
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_content_encoding("utf-8".into())
            .with_headers(headers)
            .with_delivery_mode(1)
            .with_priority(0);
        let options = BasicPublishOptions::default();
        let publish = async { self.channel.basic_publish(EXCHANGE.into(), key.into(), options, body.as_bytes(), properties).await?.await };
        within("publishing an event", publish).await.map(drop)
    }
}
