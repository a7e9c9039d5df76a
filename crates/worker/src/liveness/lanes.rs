use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use viva_core::{ErrorClass, TaskError};

/// Computations that succeed one after the other until one more may run at once again.
const RECOVERY: u32 = 20;

/// How many computations run at once: as many as come, until memory runs out. Then half of those that ran, and slowly more.
/// Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lanes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// None until memory has run out.
    limit: Option<usize>,
    running: usize,
    most: usize,
    succeeded: u32,
}

/// A computation's right to run, until it is dropped.
#[derive(Debug)]
pub(super) struct Lane(Lanes);

impl Lanes {
    /// Waits for a lane; none where `cancel` comes first.
    pub(super) async fn enter(&self, cancel: &CancellationToken) -> Option<Lane> {
        loop {
            // Registered before looking, so that a lane which is left in between is not missed.
            let changed = self.0.changed.notified();
            {
                let mut state = self.lock();
                if state.limit.is_none_or(|limit| state.running < limit) {
                    state.running += 1;
                    state.most = state.most.max(state.running);
                    return Some(Lane(self.clone()));
                }
            }
            cancel.run_until_cancelled(changed).await?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    /// Takes note of how the computation ended. That memory ran out may pass, whatever the engine thinks of it.
    pub(super) fn note<T>(&self, ended: Result<T, TaskError>) -> Result<T, TaskError> {
        let mut state = self.0.lock();
        match ended {
            Err(error) if is_out_of_memory(&error) => {
                let limit = (state.running / 2).max(1);
                (state.limit, state.succeeded) = (Some(limit), 0);
                drop(state);
                metrics::counter!("viva_out_of_memory_total").increment(1);
                tracing::warn!(lanes = limit, error = error.chain(), "memory ran out; fewer computations run at once");
                Err(if error.class() == ErrorClass::Transient { error } else { TaskError::transient(error) })
            }
            Ok(made) => {
                if let Some(limit) = state.limit {
                    state.succeeded += 1;
                    if state.succeeded >= RECOVERY {
                        state.succeeded = 0;
                        state.limit = (limit + 1 < state.most).then_some(limit + 1);
                    }
                }
                Ok(made)
            }
            failed => failed,
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.0.changed.notify_waiters();
    }
}

/// Whether memory ran out, on the processor or on a GPU: by the kind of an error among the causes, or by the words of those whose
/// libraries give no kind (CUDA's is `CUDA_ERROR_OUT_OF_MEMORY`).
fn is_out_of_memory(error: &TaskError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        let by_kind = error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::OutOfMemory);
        if by_kind || error.is::<std::collections::TryReserveError>() {
            return true;
        }
        cause = error.source();
    }
    let words = error.chain().to_lowercase().replace('_', " ");
    words.contains("out of memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cuda() -> TaskError {
        TaskError::permanent("inference failed: DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")")
    }

    #[tokio::test]
    async fn memory_that_runs_out_halves_the_lanes_and_may_pass() {
        let (lanes, never) = (Lanes::default(), CancellationToken::new());
        let mut running = Vec::new();
        for _ in 0..8 {
            running.push(lanes.enter(&never).await.expect("nothing limits them yet"));
        }
        let failed = running[0].note::<()>(Err(cuda()));
        assert_eq!(failed.map_err(|error| error.class()), Err(ErrorClass::Transient));
        running.truncate(4);
        let cancelled = CancellationToken::new();
        cancelled.cancel();
        assert!(lanes.enter(&cancelled).await.is_none(), "a fifth one runs");
        running.truncate(3);
        assert!(lanes.enter(&cancelled).await.is_some());
    }

    #[tokio::test]
    async fn lanes_come_back_one_by_one_and_one_is_always_left() {
        let (lanes, cancelled) = (Lanes::default(), CancellationToken::new());
        cancelled.cancel();
        let one = lanes.enter(&cancelled).await.expect("the first");
        let two = lanes.enter(&cancelled).await.expect("the second");
        for _ in 0..3 {
            assert!(one.note::<()>(Err(TaskError::transient(std::io::Error::from(std::io::ErrorKind::OutOfMemory)))).is_err());
        }
        drop(two);
        assert!(lanes.enter(&cancelled).await.is_none());
        for _ in 0..RECOVERY {
            assert!(one.note(Ok(())).is_ok());
        }
        assert!(lanes.enter(&cancelled).await.is_some());
    }

    #[test]
    fn other_failures_are_left_as_they_are() {
        let lane = Lane(Lanes::default());
        lane.0.lock().running = 1;
        let failed = lane.note::<()>(Err(TaskError::permanent("there is no voice \"memory\"")));
        assert_eq!(failed.map_err(|error| error.class()), Err(ErrorClass::Permanent));
        assert_eq!(lane.0.lock().limit, None);
    }
}
