//! Claims on Redis, in front of the database's: whoever asks for what is being computed is told so without a wait for the
//! claim's row.
//!
//! Owns the keys `viva:claim:{computation}`, each a hash of `worker` and `epoch` that lapses unless it is renewed. A key says
//! where to look, never what is so: that somebody holds a claim is confirmed by a plain read of the row, since a task that
//! waited for a holder who is gone would wait for ever; that nobody holds it is settled by the row itself. Epochs are numbered
//! by the database alone, which must do so anyhow: a counter on Redis would have to outlive both its key and Redis.

mod link;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use redis::Script;

use super::{ClaimBook, Error, Session, Store};
use crate::Digest;
use crate::claim::{Claim, Taken, WorkerId};
use link::Link;

/// Sets the key unless somebody has; 1 if it did. The first holder's epoch is 1: the usual claim needs no correction.
static RESERVE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
         redis.call('HSET', KEYS[1], 'worker', ARGV[1], 'epoch', 1)
         redis.call('PEXPIRE', KEYS[1], ARGV[2])
         return 1",
    )
});

/// Writes what the database decided, unless it has decided again since.
static CORRECT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local epoch = redis.call('HGET', KEYS[1], 'epoch')
         if epoch and tonumber(epoch) > tonumber(ARGV[3]) then return 0 end
         redis.call('HSET', KEYS[1], 'worker', ARGV[1], 'epoch', ARGV[3])
         redis.call('PEXPIRE', KEYS[1], ARGV[2])
         return 1",
    )
});

/// Renews those of the keys that are still the worker's. One that is gone stays gone: its claim may have ended just now, and
/// nobody would remove it again.
static RENEW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local renewed = 0
         for i, key in ipairs(KEYS) do
             local held = redis.call('HMGET', key, 'worker', 'epoch')
             if held[1] == ARGV[1] and held[2] == ARGV[i + 2] then
                 renewed = renewed + redis.call('PEXPIRE', key, ARGV[2])
             end
         end
         return renewed",
    )
});

/// Removes the key if it is still this claim's.
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local held = redis.call('HMGET', KEYS[1], 'worker', 'epoch')
         if held[1] ~= ARGV[1] or held[2] ~= ARGV[2] then return 0 end
         return redis.call('DEL', KEYS[1])",
    )
});

/// The epoch of a key whose claim the database has not decided yet.
const FIRST: i64 = 1;

/// Claims whose keys stand on a Redis while they are held. One that cannot be reached is done without.
#[derive(Debug)]
pub(super) struct RedisClaims {
    link: Link,
    ttl: Duration,
    /// What workers of this process hold, to be renewed.
    held: Mutex<Vec<Claim>>,
}

impl RedisClaims {
    /// Claims on the Redis at `url`; a key that nobody renews for `ttl` lapses. Refuses an address that cannot be used and a
    /// Redis that refuses us; one that cannot be reached may come back.
    pub(super) async fn connect(url: &str, ttl: Duration) -> Result<Self, Error> {
        let link = Link::new(url)?;
        link.probe(&RENEW.arg("nobody")).await?;
        Ok(Self { link, ttl, held: Mutex::default() })
    }

    async fn reserve(&self, computation: &Digest, worker: &WorkerId) -> Option<bool> {
        self.link.call(RESERVE.key(key(computation)).arg(worker.as_str()).arg(self.ttl_ms())).await
    }

    async fn correct(&self, claim: &Claim) {
        let mut script = CORRECT.key(key(&claim.computation));
        self.link.call::<bool>(script.arg(claim.worker.as_str()).arg(self.ttl_ms()).arg(claim.epoch)).await;
    }

    async fn release(&self, computation: &Digest, worker: &WorkerId, epoch: i64) {
        let mut script = RELEASE.key(key(computation));
        self.link.call::<bool>(script.arg(worker.as_str()).arg(epoch)).await;
    }

    fn ttl_ms(&self) -> u64 {
        self.ttl.as_millis() as u64
    }

    fn held(&self) -> MutexGuard<'_, Vec<Claim>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ClaimBook for RedisClaims {
    async fn take(&self, store: &Store, computation: &Digest, worker: &WorkerId) -> Result<(Session, Taken), Error> {
        // Before the unit of work: none is open while a Redis that is out of reach is waited for. Should this process stop in
        // between, the key is nobody's: those who find it find no holder in the database, and it lapses.
        let reserved = self.reserve(computation, worker).await;
        let unit = store.write().await?;
        if reserved == Some(false) && unit.claims().is_held(computation).await? {
            return Ok((unit, Taken::Held));
        }
        let taken = unit.claims().take(computation, worker).await?;
        match &taken {
            Taken::Ours(claim) => {
                if reserved != Some(true) || claim.epoch != FIRST {
                    self.correct(claim).await;
                }
                // Last: a caller that was cut off before has no claim, and would never end it.
                self.held().push(claim.clone());
            }
            Taken::Held if reserved == Some(true) => self.release(computation, worker, FIRST).await,
            Taken::Held => {}
        }
        Ok((unit, taken))
    }

    async fn ended(&self, claim: &Claim) {
        self.held().retain(|held| held != claim);
        self.release(&claim.computation, &claim.worker, claim.epoch).await;
    }

    async fn renew(&self, worker: &WorkerId) {
        let held: Vec<Claim> = self.held().iter().filter(|claim| claim.worker == *worker).cloned().collect();
        if held.is_empty() {
            return;
        }
        let mut script = RENEW.arg(worker.as_str());
        script.arg(self.ttl_ms());
        for claim in &held {
            script.key(key(&claim.computation)).arg(claim.epoch);
        }
        self.link.call::<u64>(&script).await;
    }
}

fn key(computation: &Digest) -> String {
    format!("viva:claim:{computation}")
}
