//! A worker without a broker: tasks from standard input, one JSON object a line, outcomes to standard output.
//!
//! For trying a worker by hand and for scripts. Promises that every task that was read is answered before the end of input
//! ends the run, and that Ctrl-C drains.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use viva_core::error::{Classified, ErrorClass};
use viva_core::store::Store;
use viva_core::{Outcome, TaskError, TaskMessage};

use crate::{Closing, Drained, Flight, Keeper, MemoryQueue, Queue as _, Reply, Runtime, Timing, queue};

/// Why a run could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A line that is no task.
    #[error("not a task message: {line}")]
    NoTask {
        /// The line.
        line: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Standard input failed, or signals cannot be waited for.
    #[error("standard input or signals cannot be used")]
    Io(#[from] std::io::Error),
    /// The in-memory queue failed.
    #[error(transparent)]
    Queue(#[from] queue::Error),
}

impl Classified for Error {
    fn class(&self) -> ErrorClass {
        ErrorClass::Permanent
    }
}

/// Joins the workers of the database as `name`, and runs what `register` makes of a runtime until the input has ended and
/// everything is answered, until Ctrl-C, or until the others have given this process up.
pub async fn run(
    store: Store,
    name: &str,
    timing: Timing,
    register: impl FnOnce(Runtime, Flight) -> Runtime,
) -> Result<Drained, TaskError> {
    let (queue, printer) = (Arc::new(MemoryQueue::new()), Arc::new(Printer::default()));
    let beside = store.beside().await?;
    let replies = Arc::new(Closing::new(beside.clone(), printer.clone()));
    let keeper = Keeper::join(beside, name, queue.clone(), replies.clone(), timing).await?;
    let flight = Flight::new(store, keeper.id().clone()).kept_by(&keeper);
    let runtime = register(Runtime::new(queue.clone(), replies), flight);
    let (shutdown, lost) = (CancellationToken::new(), keeper.lost().clone());
    let running = tokio::spawn(runtime.run(shutdown.clone()));
    keeper.progress().set_ready(true);
    tokio::select! {
        fed = feed(&queue, &printer) => fed?,
        signal = tokio::signal::ctrl_c() => signal.map_err(Error::Io)?,
        () = lost.cancelled() => {}
    }
    shutdown.cancel();
    let drained = running.await.map_err(|error| Error::Io(std::io::Error::other(error)))??;
    keeper.leave().await?;
    tracing::info!(settled = drained.settled, handed_back = drained.handed_back, "stopped");
    if lost.is_cancelled() {
        return Err(given_up());
    }
    Ok(drained)
}

/// Not the end of a worker in good order: whoever started its process is to start another one.
pub(crate) fn given_up() -> TaskError {
    TaskError::new(ErrorClass::LostClaim, "the other workers have taken this one for gone, and have its work")
}

/// Publishes every line of standard input; returns when the input has ended and everything is answered.
async fn feed(queue: &MemoryQueue, printer: &Printer) -> Result<(), Error> {
    let mut lines = stdin_lines();
    while let Some(line) = lines.recv().await.transpose()? {
        if line.trim().is_empty() {
            continue;
        }
        let message: TaskMessage = serde_json::from_str(&line).map_err(|source| Error::NoTask { line, source })?;
        printer.expect(&message.id);
        queue.publish(message).await?;
    }
    printer.all_answered().await;
    Ok(())
}

/// Standard input, read on a thread of its own: one that waits for a terminal must not hold up the end of the program.
fn stdin_lines() -> mpsc::Receiver<std::io::Result<String>> {
    let (sender, lines) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if sender.blocking_send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Answers by printing a line, and knows what is still to be answered.
#[derive(Debug, Default)]
struct Printer(watch::Sender<HashSet<String>>);

impl Printer {
    fn expect(&self, task_id: &str) {
        self.0.send_modify(|open| {
            open.insert(task_id.to_owned());
        });
    }

    async fn all_answered(&self) {
        let answered = self.0.subscribe().wait_for(HashSet::is_empty).await.map(drop);
        answered.expect("the sender is borrowed here; this is a bug");
    }
}

#[async_trait]
impl Reply for Printer {
    async fn deliver(&self, task: &TaskMessage, outcome: &Outcome) -> Result<(), queue::Error> {
        let line = match outcome.clone().into_result() {
            Ok(value) => json!({ "id": task.id, "status": "SUCCESS", "result": value }),
            Err(message) => json!({ "id": task.id, "status": "FAILURE", "error": message }),
        };
        println!("{line}");
        self.0.send_modify(|open| {
            open.remove(&task.id);
        });
        Ok(())
    }
}
