//! Where claims are asked for: in the database, or somewhere quicker in front of it.

use std::fmt;

use async_trait::async_trait;

use super::{Error, Session, Store};
use crate::Digest;
use crate::claim::{Claim, Taken, WorkerId};

/// Who is asked first for a claim. Whatever is kept here, the database decides: it numbers the epochs and fences every commit,
/// so that a book which is lost, late or wrong costs time and nothing else.
#[async_trait]
pub(super) trait ClaimBook: fmt::Debug + Send + Sync {
    /// Whether there is nobody to be asked but the database.
    fn is_database(&self) -> bool {
        false
    }

    /// Takes the computation for `worker`, unless somebody holds it. Returns the unit of work that found out: the claim is
    /// theirs once it has committed.
    async fn take(&self, store: &Store, computation: &Digest, worker: &WorkerId) -> Result<(Session, Taken), Error>;

    /// The claim has ended, or was lost, and that has committed.
    async fn ended(&self, claim: &Claim);

    /// The worker lives, and goes on holding what it holds.
    async fn renew(&self, worker: &WorkerId);
}

/// The database alone.
#[derive(Debug)]
pub(super) struct InDatabase;

#[async_trait]
impl ClaimBook for InDatabase {
    fn is_database(&self) -> bool {
        true
    }

    async fn take(&self, store: &Store, computation: &Digest, worker: &WorkerId) -> Result<(Session, Taken), Error> {
        let unit = store.write().await?;
        let taken = unit.claims().take(computation, worker).await?;
        Ok((unit, taken))
    }

    async fn ended(&self, _: &Claim) {}

    async fn renew(&self, _: &WorkerId) {}
}
