//! Answers: result, events and what follows, for a task whose [`Envelope`] somebody kept.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::broker::{Brokers, Need, Publisher, declare_queue};
use crate::events::Events;
use crate::message::{Outgoing, repr};
use crate::results::{Results, State};
use crate::{Call, Envelope, Error, Exception, Settings, follow};

/// Answers tasks. Clones share connections; all methods may be called again with the same answer.
#[derive(Debug, Clone)]
pub struct Replies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    publisher: Publisher,
    results: Results,
    events: Option<Events>,
    /// Where answers go that nobody asked for: Python's workers want a reply queue's name with every task.
    oid: String,
}

impl Replies {
    /// Replies of a process that runs no node: results and what follows, but no events.
    pub fn new(settings: &Settings) -> Result<Self, Error> {
        let brokers = Arc::new(Brokers::parse(&settings.broker_url)?);
        Self::over(settings, brokers, None)
    }

    pub(crate) fn over(settings: &Settings, brokers: Arc<Brokers>, events: Option<Events>) -> Result<Self, Error> {
        let publisher = Publisher::new(brokers, format!("{} publishes", settings.node_name), settings.patience);
        let results = Results::new(settings, &publisher)?;
        Ok(Self(Arc::new(Inner { settings: settings.clone(), publisher, results, events, oid: Uuid::new_v4().to_string() })))
    }

    /// The task runs. Its state is kept where the settings say so.
    pub async fn started(&self, envelope: &Envelope) -> Result<(), Error> {
        if self.0.settings.track_started && !envelope.ignore_result {
            let state = State::Started { pid: std::process::id(), hostname: &self.0.settings.node_name };
            self.store(envelope, &state).await?;
        }
        self.event("task-started", envelope, &[]);
        Ok(())
    }

    /// The task returned `value` after `runtime`. Sends what follows it, keeps the result, tells the event.
    pub async fn succeed(&self, envelope: &Envelope, value: &Value, runtime: Duration) -> Result<(), Error> {
        let calls = match follow::after_success(envelope, value) {
            Ok(calls) => calls,
            Err(error) => return self.fail(envelope, &Exception::new("NotImplementedError", error.to_string())).await,
        };
        let mut children = Vec::with_capacity(calls.len());
        for call in &calls {
            children.push(self.send(call).await?);
        }
        if !envelope.ignore_result {
            self.store(envelope, &State::Success { value, children }).await?;
        }
        self.event("task-succeeded", envelope, &[("result", repr(value).into()), ("runtime", runtime.as_secs_f64().into())]);
        Ok(())
    }

    /// The task failed for good. The tasks after it in its chain fail with it, and its errbacks are sent.
    pub async fn fail(&self, envelope: &Envelope, exception: &Exception) -> Result<(), Error> {
        if !envelope.ignore_result {
            self.store(envelope, &State::Failure(exception)).await?;
            for next in follow::never_run(envelope) {
                self.store(&next, &State::Failure(exception)).await?;
            }
        }
        match follow::after_failure(envelope) {
            Ok(calls) => {
                for call in &calls {
                    self.send(call).await?;
                }
            }
            Err(error) => tracing::warn!(task.id = envelope.id, %error, "an errback cannot be sent"),
        }
        self.event("task-failed", envelope, &[("exception", exception.repr().into()), ("traceback", exception.trace().into())]);
        Ok(())
    }

    /// The task failed and was sent once more.
    pub async fn retried(&self, envelope: &Envelope, exception: &Exception) -> Result<(), Error> {
        if !envelope.ignore_result {
            self.store(envelope, &State::Retry(exception)).await?;
        }
        self.event("task-retried", envelope, &[("exception", exception.repr().into()), ("traceback", exception.trace().into())]);
        Ok(())
    }

    /// The task will not run, or was stopped.
    pub async fn revoked(&self, envelope: &Envelope, why: Revocation) -> Result<(), Error> {
        if !envelope.ignore_result {
            self.store(envelope, &State::Revoked(why.reason())).await?;
        }
        let signum = match why {
            Revocation::Terminated { signum } => Some(signum),
            _ => None,
        };
        let expired = why == Revocation::Expired;
        self.event(
            "task-revoked",
            envelope,
            &[("terminated", signum.is_some().into()), ("signum", signum.into()), ("expired", expired.into())],
        );
        Ok(())
    }

    /// Sends a task; returns its id once a queue has it.
    pub async fn send(&self, call: &Call) -> Result<String, Error> {
        let id = call.id.clone().unwrap_or_else(|| Uuid::new_v4().to_string());
        let call = Call { reply_to: call.reply_to.clone().or_else(|| Some(self.0.oid.clone())), ..call.clone() };
        let queue = call.queue.as_deref().unwrap_or_else(|| self.0.settings.route(&call.name));
        let message = Outgoing::new(&call, &id, &self.0.settings.node_name)?;
        match self.publish(queue, &message.properties, &message.body).await {
            // Producers declare before they send; the queue is there from the second message on.
            Err(Error::Unroutable { .. }) => {
                self.declare(queue).await?;
                self.publish(queue, &message.properties, &message.body).await?;
            }
            sent => sent?,
        }
        Ok(id)
    }

    /// Whether an answer would reach anybody.
    pub(crate) fn reach(&self, envelope: &Envelope) -> bool {
        self.0.results.reaches(envelope)
    }

    pub(crate) fn results(&self) -> &Results {
        &self.0.results
    }

    /// Publishes to a queue of tasks; returns once the queue has it.
    pub(crate) async fn publish(&self, queue: &str, properties: &lapin::BasicProperties, body: &[u8]) -> Result<(), Error> {
        self.0.publisher.publish(("", queue), Need::Queue, properties, body).await
    }

    /// Publishes to a durable queue that is made where it is not.
    pub(crate) async fn publish_durably(&self, queue: &str, properties: &lapin::BasicProperties, body: &[u8]) -> Result<(), Error> {
        match self.publish(queue, properties, body).await {
            Err(Error::Unroutable { .. }) => {
                self.declare(queue).await?;
                self.publish(queue, properties, body).await
            }
            published => published,
        }
    }

    /// Publishes to a queue from which messages return to `home` after `ttl`.
    pub(crate) async fn park(&self, home: &str, ttl: Duration, properties: &lapin::BasicProperties, body: &[u8]) -> Result<(), Error> {
        let queue = format!("{home}.parked");
        match self.publish(&queue, properties, body).await {
            Err(Error::Unroutable { .. }) => {
                let (_, channel) = self.0.publisher.channel().await?;
                let arguments = json!({
                    "x-message-ttl": ttl.as_millis() as u64, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": home,
                });
                let arguments = crate::message::table(arguments.as_object().expect("it was written as one above"))?;
                let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
                let name = crate::message::short(&queue)?;
                crate::broker::within(&format!("declaring {queue}"), channel.queue_declare(name, durable, arguments)).await?;
                self.publish(&queue, properties, body).await
            }
            published => published,
        }
    }

    pub(crate) fn event(&self, kind: &'static str, envelope: &Envelope, fields: &[(&'static str, Value)]) {
        if let Some(events) = &self.0.events {
            events.task(kind, &envelope.id, fields);
        }
    }

    /// Ends the connection.
    pub async fn close(&self) {
        self.0.publisher.close().await;
    }

    async fn store(&self, envelope: &Envelope, state: &State<'_>) -> Result<(), Error> {
        self.0.results.store(envelope, state, &self.0.settings.node_name).await
    }

    async fn declare(&self, queue: &str) -> Result<(), Error> {
        let (connection, channel) = self.0.publisher.channel().await?;
        declare_queue(&connection, channel, queue, self.0.settings.queue_type).await?;
        Ok(())
    }
}

/// Why a task was called back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// Before it ran.
    Revoked,
    /// While it ran, by a signal of this number.
    Terminated {
        /// 15 for TERM.
        signum: i32,
    },
    /// Its time was over.
    Expired,
}

impl Revocation {
    fn reason(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Terminated { .. } => "terminated",
            Self::Expired => "expired",
        }
    }
}
