//! A connection to a Redis that nobody depends on: it answers soon, or is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind};

use crate::clock::{Clock as _, Moment, SystemClock};
use crate::store::Error;

/// How long a task waits for an answer, for a new connection too.
const PATIENCE: Duration = Duration::from_millis(250);
/// After a failure nobody asks for this long; then one does.
const REST: Duration = Duration::from_secs(1);

const WRITE: &str = "write redis://user:password@host:6379/0, or nothing at all for the database alone";

/// Connects where it is not connected. The crate's own manager would go on with a connection that was refused while Redis
/// loaded its data, and never try again.
#[derive(Debug)]
pub(super) struct Link {
    client: Client,
    connection: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    /// While it is out: when to ask again.
    out_until: Mutex<Option<Moment>>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer within {} ms", PATIENCE.as_millis())]
    Late(#[from] tokio::time::error::Elapsed),
    #[error(transparent)]
    Redis(#[from] RedisError),
}

impl Link {
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        let (scheme, _) = url.split_once(':').unwrap_or_default();
        let refuse = |source| Error::ClaimsAddress { scheme: scheme.to_owned(), reason: WRITE, source };
        if scheme != "redis" {
            return Err(refuse(None));
        }
        let client = Client::open(url).map_err(|error| refuse(Some(error)))?;
        Ok(Self { client, connection: tokio::sync::Mutex::default(), out_until: Mutex::default() })
    }

    /// Tries it once. An error is an answer that will not change: a wrong password, or something that is no Redis.
    pub(super) async fn probe(&self, script: &ScriptInvocation<'_>) -> Result<(), Error> {
        match self.ask::<redis::Value>(script).await {
            Err(Failure::Redis(source)) if !may_pass(&source) => {
                Err(Error::ClaimsRefused { place: self.client.get_connection_info().addr().to_string(), source })
            }
            Err(failure) => {
                self.fails(&failure);
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Runs the script; nothing while Redis is out.
    pub(super) async fn call<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Option<T> {
        if !self.may_ask() {
            return None;
        }
        match self.ask(script).await {
            Ok(answer) => {
                self.answers();
                Some(answer)
            }
            Err(failure) => {
                self.fails(&failure);
                None
            }
        }
    }

    async fn ask<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Result<T, Failure> {
        let answer = async { script.invoke_async(&mut self.connection().await?).await };
        Ok(tokio::time::timeout(PATIENCE, answer).await??)
    }

    async fn connection(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut connection = self.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        // Our own patience covers both.
        let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
        Ok(connection.insert(self.client.get_multiplexed_async_connection_with_config(&config).await?).clone())
    }

    /// Whether it is there, as far as is known, or its rest is over. Then the caller is the one who tries; the others wait
    /// until that is decided.
    fn may_ask(&self) -> bool {
        let mut out_until = self.out_until();
        let now = SystemClock.monotonic();
        match &mut *out_until {
            Some(until) if *until > now => false,
            Some(until) => {
                *until = now.plus(REST);
                true
            }
            None => true,
        }
    }

    fn answers(&self) {
        if self.out_until().take().is_some() {
            tracing::info!(redis = %self.client.get_connection_info().addr(), "Redis keeps claims again");
        }
    }

    fn fails(&self, failure: &Failure) {
        if self.out_until().replace(SystemClock.monotonic().plus(REST)).is_none() {
            let redis = self.client.get_connection_info().addr();
            tracing::warn!(%redis, error = %failure, "Redis is out; claims go on in the database alone");
        }
        // If it is locked, somebody is about to make another one.
        if let Ok(mut connection) = self.connection.try_lock() {
            *connection = None;
        }
    }

    fn out_until(&self) -> MutexGuard<'_, Option<Moment>> {
        self.out_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn may_pass(error: &RedisError) -> bool {
    let later = [ServerErrorKind::BusyLoading, ServerErrorKind::MasterDown, ServerErrorKind::TryAgain].map(ErrorKind::Server);
    error.is_io_error() || error.is_timeout() || later.contains(&error.kind())
}
