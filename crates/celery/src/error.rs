use crate::message::Fault;

/// What can go wrong between this process and its brokers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that makes no sense.
    #[error("{setting} {value:?} cannot be used: {reason}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What was given.
        value: String,
        /// Why not, and what to write instead.
        reason: String,
    },
    /// RabbitMQ did something else than it was asked to.
    #[error("{doing}: {source}")]
    Broker {
        /// What was being done.
        doing: String,
        /// Its own words.
        source: lapin::Error,
    },
    /// No answer in time.
    #[error("{doing}: no answer within {after_ms} ms; is the broker blocked or out of reach?")]
    Late {
        /// What was being done.
        doing: String,
        /// How long it was waited for.
        after_ms: u64,
    },
    /// The broker confirmed that it has no queue for the message.
    #[error("no queue takes messages for {routing_key:?} of the exchange {exchange:?}: {reply}; was it deleted?")]
    Unroutable {
        /// Where it was to go.
        exchange: String,
        /// The key it went with.
        routing_key: String,
        /// The broker's reason.
        reply: String,
    },
    /// The broker did not take the message.
    #[error("the broker refused a message for {routing_key:?}; is the queue full?")]
    Refused {
        /// The key it went with.
        routing_key: String,
    },
    /// Redis did something else than it was asked to.
    #[error("results in Redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// The message cannot be read.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// AMQP's names have at most 255 bytes.
    #[error("{text:?}... is longer than the 255 bytes of a name in AMQP")]
    TooLong {
        /// Its beginning.
        text: String,
    },
    /// Something that nobody here can do.
    #[error("{0}")]
    Unsupported(String),
    /// The node has left.
    #[error("the node has shut down")]
    Closed,
    /// A message that was asked for is not there.
    #[error("no message {id:?} in {queue:?}; list shows what there is")]
    NoSuchMessage {
        /// The id that was asked for.
        id: String,
        /// Where.
        queue: String,
    },
}

impl Error {
    /// Whether the same may work a little later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Broker { .. } | Self::Late { .. } | Self::Refused { .. } | Self::Redis(_))
    }
}

impl Error {
    /// Whether the broker sent what lapin cannot read.
    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Broker { source, .. } if matches!(source.kind(), lapin::ErrorKind::ParsingError(_)))
    }
}

/// Names what was being done when lapin failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: &str) -> Result<T, Error>;
}

impl<T> Doing<T> for Result<T, lapin::Error> {
    fn doing(self, what: &str) -> Result<T, Error> {
        self.map_err(|source| Error::Broker { doing: what.to_owned(), source })
    }
}
