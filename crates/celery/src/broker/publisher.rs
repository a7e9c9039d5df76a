//! Publishing with confirms, on a connection of its own.
//!
//! A message counts as published when the broker confirmed it and, where that is asked for, had a queue for it. Whatever
//! else happens ends the connection; what was under way on it is published again on the next, so that a consumer may see a
//! message twice, and never none.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use tokio::sync::Mutex;

use super::{Backoff, Brokers, within};
use crate::message::short;
use crate::{Error, clock};

/// What a message needs to count as published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// The broker took it, and a queue has it.
    Queue,
    /// The broker took it; a reply queue that is gone is the producer's choice.
    Broker,
}

/// Publishes; clones share the connection.
#[derive(Debug, Clone)]
pub(crate) struct Publisher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    brokers: Arc<Brokers>,
    name: String,
    patience: Duration,
    live: Mutex<Option<Live>>,
}

#[derive(Debug, Clone)]
struct Live {
    connection: Arc<Connection>,
    channel: Channel,
}

impl Publisher {
    /// A publisher that connects when it is first used and gives up on a message after `patience`.
    pub(crate) fn new(brokers: Arc<Brokers>, name: String, patience: Duration) -> Self {
        Self(Arc::new(Inner { brokers, name, patience, live: Mutex::new(None) }))
    }

    /// Publishes and waits for the confirm, over as many connections as it takes.
    pub(crate) async fn publish(
        &self,
        (exchange, key): (&str, &str),
        need: Need,
        properties: &BasicProperties,
        body: &[u8],
    ) -> Result<(), Error> {
        let until = clock::Instant::now() + self.0.patience;
        let mut backoff = Backoff::default();
        loop {
            let error = match self.once((exchange, key), need, properties, body).await {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            let wait = backoff.next();
            if clock::Instant::now() + wait >= until {
                return Err(error);
            }
            tracing::warn!(%error, routing_key = key, "publishing again");
            tokio::time::sleep(wait).await;
        }
    }

    /// A channel of its own, to declare what is published to: a refusal closes it, and nobody else's.
    pub(crate) async fn channel(&self) -> Result<(Arc<Connection>, Channel), Error> {
        let connection = self.live().await?.connection;
        let channel = within("opening a channel", connection.create_channel()).await?;
        Ok((connection, channel))
    }

    /// Ends the connection.
    pub(crate) async fn close(&self) {
        if let Some(live) = self.0.live.lock().await.take() {
            within("closing a connection", live.connection.close(200, "bye".into())).await.ok();
        }
    }

    async fn once(&self, to: (&str, &str), need: Need, properties: &BasicProperties, body: &[u8]) -> Result<(), Error> {
        let live = self.live().await?;
        let published = send(&live.channel, to, need, properties, body).await;
        if matches!(published, Err(Error::Broker { .. } | Error::Late { .. })) {
            self.drop_if(&live).await;
        }
        published
    }

    async fn live(&self) -> Result<Live, Error> {
        let mut live = self.0.live.lock().await;
        if let Some(live) = live.as_ref().filter(|live| live.connection.status().connected() && live.channel.status().connected()) {
            return Ok(live.clone());
        }
        let connection = Arc::new(self.0.brokers.connect(&self.0.name).await?);
        let channel = within("opening a channel", connection.create_channel()).await?;
        within("asking for confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(live.insert(Live { connection, channel }).clone())
    }

    /// Others may have made a new one already.
    async fn drop_if(&self, dead: &Live) {
        let mut live = self.0.live.lock().await;
        if live.as_ref().is_some_and(|live| Arc::ptr_eq(&live.connection, &dead.connection)) {
            *live = None;
        }
    }
}

async fn send(
    channel: &Channel,
    (exchange, key): (&str, &str),
    need: Need,
    properties: &BasicProperties,
    body: &[u8],
) -> Result<(), Error> {
    let options = BasicPublishOptions { mandatory: need == Need::Queue, ..BasicPublishOptions::default() };
    let (to_exchange, to_key) = (short(exchange)?, short(key)?);
    let publish = async { channel.basic_publish(to_exchange, to_key, options, body, properties.clone()).await?.await };
    match within(&format!("publishing to {key}"), publish).await? {
        Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) if need == Need::Queue => {
            Err(Error::Unroutable { exchange: exchange.to_owned(), routing_key: key.to_owned(), reply: returned.reply_text.to_string() })
        }
        Confirmation::Ack(_) => Ok(()),
        // The channel asked for confirms: a publish that is not confirmed went out on one that is no more.
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(Error::Refused { routing_key: key.to_owned() }),
    }
}
