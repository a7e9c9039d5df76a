//! Connections to RabbitMQ: one to consume on, one to publish on, each of which dies as a whole and is made anew.
//!
//! lapin's own recovery stays off: it restores what it can and hangs on what it cannot. Here any error, any end of a
//! stream and any acknowledgement that was not taken ends the session, and the next one starts from nothing.

mod address;
mod backoff;
mod publisher;
mod salvage;
mod tls;
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
    /// Reads `a;b`, or `a,b`.
    pub(crate) fn parse(urls: &str) -> Result<Self, Error> {
        let addresses = split(urls).map(Address::parse).collect::<Result<Vec<_>, _>>()?;
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
        let at = self.next.load(Ordering::Relaxed);
        let address = &self.addresses[at % self.addresses.len()];
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let doing = format!("connecting to RabbitMQ at {address}");
        let connect = async {
            let tls = address.tls.as_ref().map(tls::TlsFiles::read).transpose()?.unwrap_or_default();
            Connection::connect_uri_with_config(address.uri.clone(), properties, tls, lapin::runtime::default_runtime()?).await
        };
        let connected = within(&doing, connect).await;
        if connected.is_err() {
            // Once for all who failed at it: two that count on together would come back to the dead one.
            self.next.compare_exchange(at, at + 1, Ordering::Relaxed, Ordering::Relaxed).ok();
        }
        connected
    }
}

/// The URLs of a list. A comma stands between two of them only where another URL follows: it may be part of a password.
fn split(urls: &str) -> impl Iterator<Item = &str> {
    let is_end = {
        let text = urls;
        move |(at, mark): (usize, char)| {
            let starts = |rest: &str| rest.split_once("://").is_some_and(|(scheme, _)| scheme.chars().all(char::is_alphanumeric));
            mark == ';' || (mark == ',' && starts(text[at + 1..].trim_start()))
        }
    };
    let ends = urls.char_indices().filter(move |end| is_end(*end)).map(|(at, _)| at).chain([urls.len()]);
    let cut = ends.scan(0, |from, to| Some(&urls[std::mem::replace(from, to + 1)..to]));
    cut.map(str::trim).filter(|url| !url.is_empty())
}

/// What the broker says, or that it says nothing.
pub(crate) async fn within<T>(doing: &str, answer: impl Future<Output = lapin::Result<T>>) -> Result<T, Error> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer.doing(doing),
        Err(_) => Err(Error::Late { doing: doing.to_owned(), after_ms: ANSWER_WITHIN.as_millis() as u64 }),
    }
}
