//! The consuming half: one connection, one channel, one consumer for each queue. It dies as a whole and is made anew, with
//! full jitter, for as long as the node lives.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_core::Stream as _;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::desk::Original;
use super::intake::intake;
use super::shared::Shared;
use crate::broker::{Backoff, Salvage, Salvaged, declare_queue, within};
use crate::clock::Instant;
use crate::message::short;
use crate::{Error, dead};

/// How often the session looks after itself.
const TICK: Duration = Duration::from_secs(1);
/// How often it asks the broker for an answer. A connection may be dead without an error: the kernel knows of no end, or the library
/// waits for one; heartbeats take half a minute to find out.
const PROBE: Duration = Duration::from_secs(10);
/// A session that lived this long was a good one: the next failure is a new one.
const GOOD: Duration = Duration::from_secs(10);

/// What the session is told to do.
#[derive(Debug)]
pub(crate) enum Order {
    /// Take from one more queue.
    Consume(String),
    /// Take no more from a queue.
    Cancel(String),
    /// Take from a queue anew: what is held does not count against a new consumer's prefetch.
    Renew(Arc<str>),
    /// The pool has another size: take more or less at once.
    Resize,
    /// Take nothing more; tells when that is so.
    Stop(oneshot::Sender<()>),
}

/// Consumes until `close`.
pub(crate) async fn run(shared: Arc<Shared>, mut orders: mpsc::UnboundedReceiver<Order>, close: CancellationToken) {
    static SESSIONS: AtomicU64 = AtomicU64::new(0);
    let mut backoff = Backoff::default();
    loop {
        let id = SESSIONS.fetch_add(1, Ordering::Relaxed) + 1;
        let began = Instant::now();
        let ended = tokio::select! {
            ended = session(&shared, id, &mut orders, &close) => ended,
            () = close.cancelled() => return,
        };
        shared.set_consuming(false);
        let lost = shared.desk().lose(id);
        let Err(error) = ended else { return };
        if began.elapsed() > GOOD {
            backoff.reset();
        }
        let wait = backoff.next();
        tracing::warn!(%error, lost, wait_ms = wait.as_millis() as u64, "the session with the broker is over; a new one follows");
        if error.is_unreadable() {
            salvage(&shared).await;
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = close.cancelled() => return,
        }
    }
}

async fn session(
    shared: &Arc<Shared>,
    id: u64,
    orders: &mut mpsc::UnboundedReceiver<Order>,
    close: &CancellationToken,
) -> Result<(), Error> {
    let connection = shared.brokers.connect(&format!("{} consumes", shared.settings.node_name)).await?;
    let channel = within("opening a channel", connection.create_channel()).await?;
    let mut session = Session { shared, id, connection, channel, tags: HashMap::new(), pumps: JoinSet::new() };
    let queues = shared.desk().queues.clone();
    if !shared.stopping.is_cancelled() {
        // There before it is needed: what a policy dead-letters into a queue that is not there is lost.
        if let Err(error) = session.declare(&shared.settings.dead_queue).await {
            tracing::warn!(%error, "the queue for dead letters cannot be declared; it is tried again when it is needed");
        }
        for queue in queues {
            session.consume(queue).await?;
        }
        shared.set_consuming(true);
        tracing::info!(broker = %shared.brokers.current(), queues = ?shared.desk().queues, "consuming");
    }
    let mut tick = tokio::time::interval(TICK);
    let mut probe = tokio::time::interval_at(Instant::now() + PROBE, PROBE);
    loop {
        tokio::select! {
            () = close.cancelled() => {
                within("closing a connection", session.connection.close(200, "bye".into())).await.ok();
                return Ok(());
            }
            Some(order) = orders.recv() => session.obey(order).await?,
            Some(ended) = session.pumps.join_next() => session.judge(ended)?,
            _ = tick.tick() => session.look_after().await?,
            _ = probe.tick() => session.set_prefetch().await?,
        }
    }
}

struct Session<'s> {
    shared: &'s Arc<Shared>,
    id: u64,
    connection: Connection,
    channel: Channel,
    /// The consumer of each queue.
    tags: HashMap<String, String>,
    pumps: JoinSet<Ended>,
}

/// A consumer's stream is over.
struct Ended {
    queue: String,
    tag: String,
    error: Option<lapin::Error>,
}

impl Session<'_> {
    /// Declares the queue and takes from it.
    async fn consume(&mut self, queue: String) -> Result<(), Error> {
        self.declare(&queue).await?;
        self.subscribe(queue).await
    }

    async fn declare(&self, queue: &str) -> Result<(), Error> {
        // A refused declaration costs its channel; this one has deliveries on it.
        let trial = within("opening a channel", self.connection.create_channel()).await?;
        let trial = declare_queue(&self.connection, trial, queue, self.shared.settings.queue_type).await?;
        within("closing a channel", trial.close(200, "declared".into())).await
    }

    async fn subscribe(&mut self, queue: String) -> Result<(), Error> {
        self.set_prefetch().await?;
        let tag = uuid::Uuid::new_v4().to_string();
        let consume = self.channel.basic_consume(short(&queue)?, short(&tag)?, BasicConsumeOptions::default(), FieldTable::default());
        let consumer = within(&format!("consuming from {queue}"), consume).await?;
        self.pumps.spawn(pump(self.shared.clone(), self.id, consumer, queue.clone(), tag.clone()));
        if let Some(before) = self.tags.insert(queue, tag) {
            self.cancel(&before).await?;
        }
        Ok(())
    }

    /// Changes nothing for consumers that are there.
    async fn set_prefetch(&self) -> Result<(), Error> {
        let prefetch = self.shared.settings.prefetch_for(self.shared.desk().places);
        // Not global: it then holds for each consumer that follows, which is all that quorum queues and RabbitMQ 4 know.
        within("setting the prefetch", self.channel.basic_qos(prefetch, BasicQosOptions { global: false })).await
    }

    async fn cancel(&self, tag: &str) -> Result<(), Error> {
        within("cancelling a consumer", self.channel.basic_cancel(short(tag)?, BasicCancelOptions::default())).await
    }

    async fn obey(&mut self, order: Order) -> Result<(), Error> {
        match order {
            Order::Consume(queue) if self.tags.contains_key(&queue) || self.shared.stopping.is_cancelled() => Ok(()),
            Order::Consume(queue) => self.consume(queue).await,
            Order::Cancel(queue) => match self.tags.remove(&queue) {
                Some(tag) => self.cancel(&tag).await,
                None => Ok(()),
            },
            Order::Renew(queue) if self.tags.contains_key(&*queue) => self.subscribe(queue.to_string()).await,
            Order::Renew(_) => Ok(()),
            Order::Resize => {
                // A prefetch holds for consumers that follow: each queue gets a new one, and the old one goes.
                for queue in self.tags.keys().cloned().collect::<Vec<_>>() {
                    self.subscribe(queue).await?;
                }
                Ok(())
            }
            Order::Stop(stopped) => {
                for tag in std::mem::take(&mut self.tags).into_values() {
                    self.cancel(&tag).await?;
                }
                self.shared.set_consuming(false);
                stopped.send(()).ok();
                Ok(())
            }
        }
    }

    /// A consumer ended. That of a queue which is still wanted ends the session: the broker cancelled it, or the channel died.
    fn judge(&self, ended: Result<Ended, tokio::task::JoinError>) -> Result<(), Error> {
        let Ok(Ended { queue, tag, error }) = ended else {
            return Err(Error::Unsupported("taking a delivery in panicked; this is a bug".to_owned()));
        };
        match error {
            Some(source) => Err(Error::Broker { doing: format!("consuming from {queue}"), source }),
            None if self.tags.get(&queue) == Some(&tag) => {
                Err(Error::Unsupported(format!("the broker ended the consumer of {queue}; was the queue deleted?")))
            }
            None => Ok(()),
        }
    }

    async fn look_after(&self) -> Result<(), Error> {
        if !self.channel.status().connected() {
            return Err(Error::Unsupported("the channel is closed".to_owned()));
        }
        let overdue = self.shared.desk().take_overdue(self.shared.settings.consumer_timeout / 2);
        for request in overdue {
            self.shared.hand_back(&request.acker).await;
        }
        Ok(())
    }
}

/// Takes out what ends a session whenever it is delivered.
async fn salvage(shared: &Arc<Shared>) {
    let address = shared.brokers.current().clone();
    if address.tls.is_some() {
        return tracing::error!(
            "a message in one of the queues cannot be read, and ends each session; remove it by hand: it cannot be taken out over TLS"
        );
    }
    let queues = shared.desk().queues.clone();
    for queue in queues {
        let (address, queue_name) = (address.clone(), queue.clone());
        let look = move || {
            let mut salvage = Salvage::connect(&address.uri)?;
            let found = salvage.unreadable(&queue_name)?;
            Ok::<_, std::io::Error>((salvage, found))
        };
        match tokio::task::spawn_blocking(look).await {
            Ok(Ok((salvage, found))) => take_out(shared, &queue, salvage, found).await,
            Ok(Err(error)) => tracing::warn!(%error, queue, "looking for messages that cannot be read"),
            Err(error) => tracing::error!(%error, "looking for messages that cannot be read panicked; this is a bug"),
        }
    }
}

async fn take_out(shared: &Shared, queue: &str, mut salvage: Salvage, found: Vec<Salvaged>) {
    let mut out = Vec::new();
    for message in found {
        let Salvaged { properties, body, .. } = &message;
        let original = Original::salvaged(properties.clone(), body.clone());
        match dead::set_aside(shared, queue, &original, "a name in its properties is not UTF-8; it is shown with question marks").await {
            Ok(()) => out.push(message),
            Err(error) => tracing::error!(%error, queue, "a message that cannot be read stays in its queue"),
        }
    }
    tracing::warn!(queue, messages = out.len(), "messages that ended the session are set aside");
    let acked =
        tokio::task::spawn_blocking(move || out.iter().try_for_each(|message| salvage.ack(message)).and_then(|()| salvage.close())).await;
    if !matches!(acked, Ok(Ok(()))) {
        tracing::warn!(?acked, queue, "what was set aside may be set aside again");
    }
}

/// Takes deliveries in until the stream ends. What lapin has in its own memory is bounded by the prefetch alone.
async fn pump(shared: Arc<Shared>, session: u64, mut consumer: Consumer, queue: String, tag: String) -> Ended {
    let name: Arc<str> = queue.as_str().into();
    loop {
        match std::future::poll_fn(|context| Pin::new(&mut consumer).poll_next(context)).await {
            Some(Ok(delivery)) => intake(&shared, session, &name, delivery),
            Some(Err(error)) => return Ended { queue, tag, error: Some(error) },
            None => return Ended { queue, tag, error: None },
        }
    }
}
