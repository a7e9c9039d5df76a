//! The bridge between async tasks and a model that blocks.

use tokio_util::sync::CancellationToken;
use viva_core::TaskError;
use viva_llm::Cancel;

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
