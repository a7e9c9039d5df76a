use std::pin::pin;

use tokio_util::sync::CancellationToken;
use viva_core::{ErrorClass, TaskError};

use super::{Lanes, Progress, Trust};
use crate::flight::Work;

/// Work under the eyes of a keeper: begun only while this process is trusted to be alive, watched for progress, and stopped when
/// the trust ends, and with fewer beside it when memory runs out.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) trust: Trust,
    pub(crate) progress: Progress,
    pub(crate) lanes: Lanes,
}

impl Kept {
    /// Waits until a claim may be taken. The task waits in this worker's hands meanwhile: it could be settled no sooner.
    pub(crate) async fn may_claim(&self, cancel: &CancellationToken) -> Result<(), TaskError> {
        match cancel.run_until_cancelled(self.trust.may_claim()).await {
            Some(true) => Ok(()),
            Some(false) => Err(TaskError::transient("this worker was declared gone; another one takes the task")),
            None => Err(TaskError::cancelled("the worker stops before this task was begun")),
        }
    }

    /// Has `work` computed; `what` it is, for people.
    pub(crate) async fn compute<W: Work>(&self, work: &W, what: &str, cancel: &CancellationToken) -> Result<W::Output, TaskError> {
        let lane = self.lanes.enter(cancel).await.ok_or_else(|| TaskError::cancelled("the worker stops before this was computed"))?;
        let step = self.progress.begin(what, work.budget());
        let stop = cancel.child_token();
        let mut computing = pin!(work.compute_ticking(&stop, &step));
        tokio::select! {
            made = &mut computing => return lane.note(made),
            () = self.trust.ends() => stop.cancel(),
        }
        match computing.await {
            Err(error) if error.class() == ErrorClass::Cancelled && !cancel.is_cancelled() => Err(self.distrusted()),
            ended => ended,
        }
    }

    fn distrusted(&self) -> TaskError {
        if self.trust.is_lost() {
            TaskError::new(ErrorClass::LostClaim, "this worker was declared gone while it computed")
        } else {
            TaskError::transient("no sign of life of this worker got through for too long; it stopped before others take its work")
        }
    }
}
