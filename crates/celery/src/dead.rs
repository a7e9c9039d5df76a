//! Messages that nobody can read, set aside with their reason: to be looked at, sent again, or dropped.

use std::sync::Arc;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::{Channel, Connection};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::broker::{Brokers, Need, Publisher, declare_queue, within};
use crate::message::{Incoming, kept_with, short, without_headers};
use crate::node::{Original, Shared};
use crate::{Error, Settings, clock};

const MARK: &str = "x-dead-";
/// What the broker adds when it dead-letters a message, or delivers it again.
const BROKERS: [&str; 4] = ["x-death", "x-first-death-", "x-last-death-", "x-delivery-count"];
const ID: &str = "x-dead-id";
const REASON: &str = "x-dead-reason";
const QUEUE: &str = "x-dead-queue";
const AT: &str = "x-dead-at";
const NODE: &str = "x-dead-node";

/// Publishes a message to the dead queue as it came, with headers that say why. Returns once the queue has it.
pub(crate) async fn set_aside(shared: &Shared, queue: &str, original: &Original, reason: &str) -> Result<(), Error> {
    let why = json!({
        ID: Uuid::new_v4().to_string(), REASON: reason, QUEUE: queue, AT: clock::iso(clock::wall()), NODE: shared.settings.node_name,
    });
    let properties = kept_with(&original.properties, why.as_object().expect("it was written as one above"))?;
    shared.replies.publish_durably(&shared.settings.dead_queue, &properties, &original.body).await
}

/// A message that was set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// What it is known by here.
    pub id: String,
    /// Why it was set aside; in the broker's word where a policy of it did: `delivery_limit`, `expired`, `rejected`, `maxlen`.
    pub reason: String,
    /// The queue it came from.
    pub queue: String,
    /// When, in ISO 8601.
    pub at: String,
    /// Which node set it aside.
    pub node: String,
    /// The task's name, if it has one.
    pub task: Option<String>,
    /// The task's id, if it has one.
    pub task_id: Option<String>,
    /// Its headers as they came.
    pub headers: Map<String, Value>,
    /// Its body as it came.
    pub body: Vec<u8>,
}

/// Which messages of a dead queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// All that are there.
    All,
    /// The one of this id.
    Id(String),
}

/// A dead queue, to be looked through.
#[derive(Debug)]
pub struct DeadLetters {
    brokers: Arc<Brokers>,
    publisher: Publisher,
    settings: Settings,
}

impl DeadLetters {
    /// The dead queue of these settings.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let brokers = Arc::new(Brokers::parse(&settings.broker_url)?);
        let publisher = Publisher::new(brokers.clone(), "dead letters".to_owned(), settings.patience);
        Ok(Self { brokers, publisher, settings: settings.clone() })
    }

    /// The oldest messages, at most `limit`. They stay where they are.
    pub async fn list(&self, limit: usize) -> Result<Vec<DeadLetter>, Error> {
        let mut visit = Visit::begin(self).await?;
        let mut letters = Vec::new();
        while letters.len() < limit
            && let Some(delivery) = visit.next().await?
        {
            letters.push(read(&delivery));
        }
        visit.end().await;
        Ok(letters)
    }

    /// One message.
    pub async fn show(&self, id: &str) -> Result<DeadLetter, Error> {
        let mut visit = Visit::begin(self).await?;
        while let Some(delivery) = visit.next().await? {
            let letter = read(&delivery);
            if letter.id == id {
                visit.end().await;
                return Ok(letter);
            }
        }
        Err(Error::NoSuchMessage { id: id.to_owned(), queue: self.settings.dead_queue.clone() })
    }

    /// Sends messages once more, to `queue` or to where each came from, and removes them. How many that were.
    pub async fn replay(&self, which: &Which, queue: Option<&str>) -> Result<usize, Error> {
        let again = async |letter: DeadLetter, delivery: &Delivery| {
            let to = queue.unwrap_or(&letter.queue);
            if to.is_empty() || to == self.settings.dead_queue {
                let what = format!("the message {} does not say which queue it came from; name one", letter.id);
                return Err(Error::Unsupported(what));
            }
            let properties =
                without_headers(&delivery.properties, |name| name.starts_with(MARK) || BROKERS.iter().any(|mark| name.starts_with(mark)));
            self.publisher.publish(("", to), Need::Queue, &properties, &letter.body).await
        };
        self.remove(which, again).await
    }

    /// Removes messages. How many that were.
    pub async fn drop(&self, which: &Which) -> Result<usize, Error> {
        self.remove(which, async |_, _| Ok(())).await
    }

    async fn remove(&self, which: &Which, first: impl AsyncFn(DeadLetter, &Delivery) -> Result<(), Error>) -> Result<usize, Error> {
        let mut visit = Visit::begin(self).await?;
        let mut removed = 0;
        while let Some(delivery) = visit.next().await? {
            let letter = read(&delivery);
            if matches!(which, Which::Id(id) if *id != letter.id) {
                continue;
            }
            first(letter, &delivery).await?;
            // Its confirm is there: if this is lost, the message is there twice, and not nowhere.
            within("removing a message", delivery.ack(BasicAckOptions::default())).await?;
            removed += 1;
        }
        visit.end().await;
        match which {
            Which::Id(id) if removed == 0 => Err(Error::NoSuchMessage { id: id.clone(), queue: self.settings.dead_queue.clone() }),
            _ => Ok(removed),
        }
    }
}

/// A walk over the queue. What is not removed goes back to its place when the connection ends.
struct Visit<'d> {
    letters: &'d DeadLetters,
    connection: Connection,
    channel: Channel,
    left: u32,
}

impl<'d> Visit<'d> {
    async fn begin(letters: &'d DeadLetters) -> Result<Self, Error> {
        let connection = letters.brokers.connect("dead letters").await?;
        let channel = within("opening a channel", connection.create_channel()).await?;
        let queue = &letters.settings.dead_queue;
        let channel = declare_queue(&connection, channel, queue, letters.settings.queue_type).await?;
        let passive = lapin::options::QueueDeclareOptions { passive: true, ..lapin::options::QueueDeclareOptions::default() };
        let counted = channel.queue_declare(short(queue)?, passive, lapin::types::FieldTable::default());
        let left = within("counting messages", counted).await?.message_count();
        Ok(Self { letters, connection, channel, left })
    }

    async fn next(&mut self) -> Result<Option<Delivery>, Error> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let queue = short(&self.letters.settings.dead_queue)?;
        let got = within("reading a message", self.channel.basic_get(queue, BasicGetOptions::default())).await?;
        Ok(got.map(|message| message.delivery))
    }

    async fn end(self) {
        within("closing a connection", self.connection.close(200, "bye".into())).await.ok();
    }
}

fn read(delivery: &Delivery) -> DeadLetter {
    let Incoming { headers, body, correlation_id, .. } = Incoming::new(&delivery.properties, delivery.data.clone());
    let text = |name: &str| headers.get(name).and_then(Value::as_str).map(str::to_owned);
    // What a policy put here has no id of ours; its content is one.
    let id = text(ID).unwrap_or_else(|| {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &[&body[..], text("id").unwrap_or_default().as_bytes()].concat()).to_string()
    });
    DeadLetter {
        id,
        reason: text(REASON).or_else(|| text("x-first-death-reason")).unwrap_or_default(),
        queue: text(QUEUE).or_else(|| text("x-first-death-queue")).unwrap_or_default(),
        at: text(AT).unwrap_or_default(),
        node: text(NODE).unwrap_or_default(),
        task: text("task"),
        task_id: text("id").or(correlation_id),
        headers: headers.into_iter().filter(|(name, _)| !name.starts_with(MARK)).collect(),
        body,
    }
}
