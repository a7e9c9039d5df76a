use sea_orm::DatabaseTransaction;

use super::error::{During as _, Error};
use super::statement::{change, row, timed};
use crate::Digest;

const NOTE: &str = "
    INSERT INTO idempotency_keys (owner, name, fingerprint, at_ms) VALUES ($1, $2, $3, {now}) ON CONFLICT (owner, name) DO NOTHING";
const FIND: &str = "SELECT fingerprint FROM idempotency_keys WHERE owner = $1 AND name = $2";

/// The names that clients give their requests (`Idempotency-Key`), inside a unit of work.
#[derive(Debug)]
pub struct IdempotencyKeys<'s>(pub(super) &'s DatabaseTransaction);

impl IdempotencyKeys<'_> {
    /// Notes what a client asked for under a name. False if it asked for something else under the same name before.
    #[must_use = "a name that was used for something else is the client's mistake"]
    pub async fn note(&self, owner: &str, name: &str, fingerprint: &Digest) -> Result<bool, Error> {
        let values = vec![owner.into(), name.into(), fingerprint.as_str().into()];
        if change(self.0, &timed(self.0, NOTE), values).await.during("noting an idempotency key")? == 1 {
            return Ok(true);
        }
        let found = row(self.0, FIND, vec![owner.into(), name.into()]).await.during("looking for an idempotency key")?;
        let before: Option<String> =
            found.map(|row| row.try_get("", "fingerprint")).transpose().during("looking for an idempotency key")?;
        Ok(before.is_none_or(|before| before == fingerprint.as_str()))
    }
}
