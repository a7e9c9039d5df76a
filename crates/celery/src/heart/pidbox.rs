//! The worker's mailbox for remote control: an exclusive queue on a fanout exchange.
//!
//! Another process of the same node name, or our own last connection that the broker has not yet given up, holds the queue:
//! then it is tried again, and all else goes on. Replies travel on the mailbox' own channel: one that names an exchange
//! which is not there costs the mailbox a moment, and nobody else anything.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_core::Stream as _;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, Consumer, ExchangeKind};
use serde_json::{Value, json};

use super::mingle::mingle;
use crate::Error;
use crate::broker::{is_locked, within};
use crate::clock::Instant;
use crate::control::Message;
use crate::message::{short, table};
use crate::node::Shared;

pub(super) const EXCHANGE: &str = "celery.pidbox";
pub(super) const REPLIES: &str = "reply.celery.pidbox";
/// The broker needs a while to notice that an old connection is gone.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// The mailbox, open or about to be.
#[derive(Debug)]
pub(super) struct Pidbox {
    open: Option<(Channel, Consumer)>,
    open_at: Instant,
    complained: bool,
}

/// What happens to a mailbox.
#[derive(Debug)]
pub(super) enum Next {
    /// It is to be opened, now.
    TimeToOpen,
    /// Somebody asks for something.
    Asked(Box<Message>),
    /// Nothing that matters: it was closed, or somebody asked for nothing.
    Closed,
}

impl Pidbox {
    pub(super) fn new() -> Self {
        Self { open: None, open_at: Instant::now(), complained: false }
    }

    /// Opens it, or lets it be for a while. An error is one of the connection.
    pub(super) async fn open(&mut self, shared: &Arc<Shared>, connection: &Connection) -> Result<(), Error> {
        let channel = within("opening a channel", connection.create_channel()).await?;
        match consume(&channel, &shared.settings.node_name).await {
            Ok(consumer) => {
                self.open = Some((channel, consumer));
                self.complained = false;
                let channel = within("opening a channel", connection.create_channel()).await?;
                // Beside the mailbox: others may greet us at the same time, and must not wait.
                drop(tokio::spawn(mingle(shared.clone(), channel)));
            }
            Err(error) => {
                self.open_at = Instant::now() + TRY_AGAIN;
                if !std::mem::replace(&mut self.complained, true) {
                    let twice = is_locked(&error);
                    tracing::warn!(%error, another_of_this_name = twice, "no remote control at the moment; it is tried again");
                }
            }
        }
        Ok(())
    }

    /// What happens next to it. May be cancelled.
    pub(super) async fn next(&mut self) -> Next {
        let Some((_, consumer)) = &mut self.open else {
            tokio::time::sleep_until(self.open_at).await;
            return Next::TimeToOpen;
        };
        if let Some(Ok(delivery)) = std::future::poll_fn(|context| Pin::new(&mut *consumer).poll_next(context)).await {
            return Message::read(&delivery.properties, &delivery.data).map_or(Next::Closed, |message| Next::Asked(Box::new(message)));
        }
        self.open = None;
        self.open_at = Instant::now() + Duration::from_millis(200);
        Next::Closed
    }

    /// Answers a request; whoever asked does not wait long, so nothing is tried twice.
    pub(super) async fn reply(&self, shared: &Shared, message: &Message, reply: &Value) {
        let (Some((channel, _)), Some((exchange, key))) = (&self.open, &message.reply_to) else { return };
        let send = async {
            let headers = json!({ "ticket": message.ticket, "clock": shared.lamport.forward() });
            let properties = BasicProperties::default()
                .with_content_type("application/json".into())
                .with_content_encoding("utf-8".into())
                .with_headers(table(headers.as_object().expect("it was written as one above"))?)
                .with_delivery_mode(1)
                .with_priority(0);
            let body = json!({ shared.settings.node_name.as_str(): reply }).to_string();
            let (exchange, key) = (short(exchange)?, short(key)?);
            let publish =
                async { channel.basic_publish(exchange, key, BasicPublishOptions::default(), body.as_bytes(), properties).await?.await };
            within("answering remote control", publish).await.map(drop)
        };
        if let Err(error) = send.await {
            tracing::warn!(%error, method = message.method, "an answer to remote control could not be sent");
        }
    }
}

async fn consume(channel: &Channel, node: &str) -> Result<Consumer, Error> {
    let fleeting = ExchangeDeclareOptions::default();
    for (exchange, kind) in [(EXCHANGE, ExchangeKind::Fanout), (REPLIES, ExchangeKind::Direct)] {
        let declare = channel.exchange_declare(exchange.into(), kind, fleeting, FieldTable::default());
        within(&format!("declaring the exchange {exchange}"), declare).await?;
    }
    let queue = format!("{node}.{EXCHANGE}");
    let mut arguments = FieldTable::default();
    arguments.insert("x-expires".into(), AMQPValue::LongInt(10_000));
    arguments.insert("x-message-ttl".into(), AMQPValue::LongInt(300_000));
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    within(&format!("declaring the queue {queue}"), channel.queue_declare(short(&queue)?, options, arguments)).await?;
    let bind = channel.queue_bind(short(&queue)?, EXCHANGE.into(), "".into(), QueueBindOptions::default(), FieldTable::default());
    within("binding the mailbox", bind).await?;
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    within("consuming from the mailbox", channel.basic_consume(short(&queue)?, "".into(), options, FieldTable::default())).await
}
