use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, Script};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::broker::Backoff;
use crate::{Error, clock};

/// How long Redis may take for a connection or an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// As Python's workers do it in two steps, GET and then SETEX and PUBLISH in one MULTI; in one, nobody comes between. A record
/// begins with its status, whoever wrote it.
const STORE: &str = r#"
local kept = redis.call('GET', KEYS[1])
if kept and string.match(kept, '^{"status": ?"SUCCESS"') then return end
redis.call('SETEX', KEYS[1], ARGV[1], ARGV[2])
redis.call('PUBLISH', KEYS[1], ARGV[2])
"#;

/// `redis://`: results are strings that expire, and are announced on a channel of the key's name.
#[derive(Debug)]
pub(crate) struct Redis {
    client: Client,
    store: Script,
    connection: Mutex<Option<MultiplexedConnection>>,
    expires: Duration,
    patience: Duration,
}

impl Redis {
    pub(super) fn new(url: &str, expires: Duration, patience: Duration) -> Result<Self, Error> {
        let client = Client::open(url).map_err(|error| Error::Setting {
            setting: "result backend",
            value: crate::broker::without_password(url),
            reason: format!("{error}; write redis://user:password@host:6379/0"),
        })?;
        Ok(Self { client, store: Script::new(STORE), connection: Mutex::default(), expires, patience })
    }

    /// Keeps the record, unless there is one that says SUCCESS: what came late must not undo it.
    pub(super) async fn store(&self, id: &str, meta: &Value) -> Result<(), Error> {
        let text = meta.to_string();
        self.patiently(&key(id), Some(&text)).await.map(drop)
    }

    /// How a task stands, where there is a record.
    pub(super) async fn status(&self, id: &str) -> Result<Option<String>, Error> {
        self.patiently(&key(id), None).await
    }

    /// Asks over as many connections as it takes, for as long as it is worth it.
    async fn patiently(&self, key: &str, record: Option<&str>) -> Result<Option<String>, Error> {
        let until = clock::Instant::now() + self.patience;
        let mut backoff = Backoff::default();
        loop {
            let error = match tokio::time::timeout(ANSWER_WITHIN, self.ask(key, record)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => Error::Redis(error),
                Err(_) => Error::Late { doing: "keeping a result in Redis".to_owned(), after_ms: ANSWER_WITHIN.as_millis() as u64 },
            };
            self.connection.lock().await.take();
            let wait = backoff.next();
            if clock::Instant::now() + wait >= until {
                return Err(error);
            }
            tracing::warn!(%error, "asking Redis again");
            tokio::time::sleep(wait).await;
        }
    }

    /// Keeps a record, or reads the status of the one that is there.
    async fn ask(&self, key: &str, record: Option<&str>) -> Result<Option<String>, RedisError> {
        let mut redis = self.connection().await?;
        if let Some(record) = record {
            self.store.key(key).arg(self.expires.as_secs().max(1)).arg(record).invoke_async::<()>(&mut redis).await?;
            return Ok(None);
        }
        let kept: Option<Vec<u8>> = redis::cmd("GET").arg(key).query_async(&mut redis).await?;
        let kept: Option<Value> = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
        Ok(kept.and_then(|kept| Some(kept.get("status")?.as_str()?.to_owned())))
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
}

fn key(id: &str) -> String {
    format!("celery-task-meta-{id}")
}
