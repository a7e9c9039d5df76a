//! Connections to RabbitMQ: one to consume on, one to publish on, each of which dies as a whole and is made anew.
//!
//! lapin's own recovery stays off: it restores what it can and hangs on what it cannot. Here any error, any end of a
//! stream and any acknowledgement that was not taken ends the session, and the next one starts from nothing.

mod address;
mod backoff;
mod publisher;
mod salvage;
mod topology;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lapin::{Connection, ConnectionProperties};

use crate::Error;
use crate::error::Doing;

pub(crate) use address::{Address, without_password};
pub(crate) use backoff::Backoff;
pub(crate) use publisher::{Need, Publisher};
pub(crate) use salvage::{Salvage, Salvaged};
pub(crate) use topology::{declare_queue, is_locked};

/// How long the broker may take for a connection, or for an answer on one.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The brokers of a cluster; each connection goes to the next one that answers.
#[derive(Debug)]
pub(crate) struct Brokers {
    addresses: Vec<Address>,
    next: AtomicUsize,
}

impl Brokers {
    /// Reads `a;b`.
    pub(crate) fn parse(urls: &str) -> Result<Self, Error> {
        let addresses = urls.split(';').map(str::trim).filter(|url| !url.is_empty()).map(Address::parse).collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            let reason = "write amqp://user:password@host:5672//".to_owned();
            return Err(Error::Setting { setting: "broker url", value: String::new(), reason });
        }
        Ok(Self { addresses, next: AtomicUsize::new(0) })
    }

    /// The one that the next connection goes to.
    pub(crate) fn current(&self) -> &Address {
        &self.addresses[self.next.load(Ordering::Relaxed) % self.addresses.len()]
    }

    /// All but the current one.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Address> {
        let current = self.current();
        self.addresses.iter().filter(move |address| !std::ptr::eq(*address, current))
    }

    /// Connects to the current one; after a failure the next one is.
    pub(crate) async fn connect(&self, name: &str) -> Result<Connection, Error> {
        let address = self.current();
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let doing = format!("connecting to RabbitMQ at {address}");
        let connected = within(&doing, Connection::connect_uri(address.uri.clone(), properties)).await;
        if connected.is_err() {
            self.next.fetch_add(1, Ordering::Relaxed);
        }
        connected
    }
}

/// What the broker says, or that it says nothing.
pub(crate) async fn within<T>(doing: &str, answer: impl Future<Output = lapin::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.doing(doing),
        Err(_) => Err(Error::Late { doing: doing.to_owned(), after_ms: ANSWER_WITHIN.as_millis() as u64 }),
    }
}
