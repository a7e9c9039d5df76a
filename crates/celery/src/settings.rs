//! What a node is told before it starts. Every field has a default but the broker.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use crate::Error;
use crate::message::TimeLimit;

/// How one worker appears and behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// One URL, or several of a cluster as `a;b`. Celery's own forms are read too: `pyamqp://`, `amqp://host//`.
    pub broker_url: String,
    /// Where results go.
    pub result_backend: ResultBackend,
    /// How long results are kept, where the backend can (Redis).
    pub result_expires: Duration,
    /// Results carry name, arguments, worker, retries and queue.
    pub result_extended: bool,
    /// Results pass through STARTED.
    pub track_started: bool,
    /// `name@host`; the host part must differ between machines, exporters group by it.
    pub node_name: String,
    /// The queues to consume from.
    pub queues: Vec<String>,
    /// As what they are declared; it must be what the producers declare.
    pub queue_type: QueueType,
    /// The names of the tasks that this worker does.
    pub tasks: Vec<String>,
    /// How many deliveries are handed out at once.
    pub concurrency: usize,
    /// How many messages of each queue are taken and not settled; 0 for four per place.
    pub prefetch: u16,
    /// What happens to tasks that are not among `tasks`.
    pub unknown: Unknown,
    /// Where messages go that nobody can read.
    pub dead_queue: String,
    /// The broker's consumer timeout: nothing is held for more than half of it.
    pub consumer_timeout: Duration,
    /// How many messages with an eta are held; the others wait on the broker, a minute at a time.
    pub scheduled_max: usize,
    /// Larger bodies are poison.
    pub max_body_bytes: usize,
    /// Task events are sent from the start (`-E`); `enable_events` and `disable_events` change it.
    pub task_events: bool,
    /// What events say about the time zone.
    pub utc_offset: UtcOffset,
    /// How often the worker shows that it lives.
    pub heartbeat: Duration,
    /// Where tasks go that follow another and name no queue.
    pub default_queue: String,
    /// Where tasks go that follow another, by their name.
    pub routes: BTreeMap<String, String>,
    /// `10/s`, `30/m`, `100/h`, by task name.
    pub rate_limits: BTreeMap<String, String>,
    /// Limits of tasks that bring none, by task name.
    pub time_limits: BTreeMap<String, TimeLimit>,
    /// How long a publisher or a result backend is tried before it is an error.
    pub patience: Duration,
    /// What events and `inspect` say about the program.
    pub software: Software,
}

/// A program's name and version.
#[derive(Debug, Clone)]
pub struct Software {
    /// `sw_ident`.
    pub ident: String,
    /// `sw_ver`.
    pub version: String,
}

impl Settings {
    /// A worker named `celery@<host>` with one place on the queue `celery`.
    pub fn new(broker_url: impl Into<String>) -> Self {
        let host = nix::unistd::gethostname().ok().and_then(|host| host.into_string().ok()).unwrap_or_else(|| "localhost".to_owned());
        Self {
            broker_url: broker_url.into(),
            result_backend: ResultBackend::Rpc { persistent: false },
            result_expires: Duration::from_hours(24),
            result_extended: false,
            track_started: false,
            node_name: format!("celery@{host}"),
            queues: vec!["celery".to_owned()],
            queue_type: QueueType::Classic,
            tasks: Vec::new(),
            concurrency: 1,
            prefetch: 0,
            unknown: Unknown::NotRegistered,
            dead_queue: "viva.dead".to_owned(),
            consumer_timeout: Duration::from_mins(30),
            scheduled_max: 1000,
            max_body_bytes: 64 << 20,
            task_events: true,
            utc_offset: UtcOffset::Zero,
            heartbeat: Duration::from_secs(2),
            default_queue: "celery".to_owned(),
            routes: BTreeMap::new(),
            rate_limits: BTreeMap::new(),
            time_limits: BTreeMap::new(),
            patience: Duration::from_secs(30),
            software: Software { ident: "viva-celery".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
        }
    }

    /// The queue that a task of this name is sent to.
    pub(crate) fn route(&self, task: &str) -> &str {
        self.routes.get(task).unwrap_or(&self.default_queue)
    }

    /// How many messages of a queue are taken with `places` places.
    pub(crate) fn prefetch_for(&self, places: usize) -> u16 {
        let places = places.max(1);
        match self.prefetch {
            0 => u16::try_from(places.saturating_mul(4)).unwrap_or(u16::MAX),
            // What it was told, and as much more or less as the pool grew or shrank.
            told => {
                let change = places as i64 - self.concurrency.max(1) as i64;
                (i64::from(told) + change).clamp(1, i64::from(u16::MAX)) as u16
            }
        }
    }
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResultBackend {
    /// Nowhere.
    None,
    /// To the producer's reply queue.
    Rpc {
        /// Results survive a restart of the broker.
        persistent: bool,
    },
    /// To Redis, `redis://user:password@host:6379/0`.
    Redis(String),
}

impl FromStr for ResultBackend {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split(':').next().unwrap_or_default() {
            "" | "none" | "disabled" => Ok(Self::None),
            "rpc" => Ok(Self::Rpc { persistent: false }),
            "redis" => Ok(Self::Redis(text.to_owned())),
            scheme => {
                let reason = "write rpc://, redis://host:6379/0 or none".to_owned();
                Err(Error::Setting { setting: "result backend", value: scheme.to_owned(), reason })
            }
        }
    }
}

/// As what queues are declared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum QueueType {
    /// Durable, without arguments.
    #[default]
    Classic,
    /// With `x-queue-type: quorum`, as `task_default_queue_type = 'quorum'` has it.
    Quorum,
}

impl FromStr for QueueType {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "classic" => Ok(Self::Classic),
            "quorum" => Ok(Self::Quorum),
            other => Err(Error::Setting { setting: "queue type", value: other.to_owned(), reason: "write classic or quorum".to_owned() }),
        }
    }
}

/// What happens to tasks that a worker does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// They go on to this queue as they came.
    Forward(String),
    /// Their producer gets NotRegistered.
    NotRegistered,
    /// They are handed out like any other.
    Deliver,
}

/// What events say about the time zone. Receivers shift their times by it, although they need no shift.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UtcOffset {
    /// 0: right where everything runs in UTC.
    #[default]
    Zero,
    /// Nothing: then nobody shifts, apart from celery-exporter where it runs in another zone.
    Omitted,
}
