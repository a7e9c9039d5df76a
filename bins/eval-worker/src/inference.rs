//! The bridge between async tasks and a model that blocks.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use viva_core::TaskError;
use viva_llm::Cancel;
use viva_scoring::Judge;
use viva_worker::Step;

/// How long a model that counts its steps may take for one: the first one loads it.
const STEP: Duration = Duration::from_mins(5);
/// And one that does not count, for an answer.
const ANSWER: Duration = Duration::from_mins(15);

/// How long what the judge's model does may take without a tick.
pub(crate) fn budget(judge: &Judge) -> Duration {
    if judge.steps().is_some() { STEP } else { ANSWER }
}

/// Waits for `work` of the judge's model, and ticks whenever that moves.
pub(crate) async fn watched<T>(judge: &Judge, step: &Step, work: impl Future<Output = T>) -> T {
    step.follow(|| judge.steps().unwrap_or_default(), work).await
}

/// Stops the model when the task that waits for it is dropped.
struct StopOnDrop(Cancel);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Runs `work` on a thread of its own. A cancelled token, or a caller that is dropped, stops the model at its next step.
pub(crate) async fn run<T: Send + 'static>(
    token: &CancellationToken,
    work: impl FnOnce(&Cancel) -> Result<T, viva_scoring::Error> + Send + 'static,
) -> Result<T, TaskError> {
    let cancel = Cancel::default();
    let stop = StopOnDrop(cancel.clone());
    let mut thread = tokio::task::spawn_blocking(move || work(&cancel));
    let ended = tokio::select! {
        ended = &mut thread => ended,
        () = token.cancelled() => {
            stop.0.cancel();
            thread.await
        }
    };
    match ended {
        Ok(result) => Ok(result?),
        Err(panic) => Err(TaskError::permanent(panic)),
    }
}
