//! A worker without a broker: tasks from standard input, one JSON object a line, outcomes to standard output.
//!
//! For trying a worker by hand and for scripts. Promises that every task that was read is answered before the end of input
//! ends the run, and that Ctrl-C drains.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use viva_core::error::{Classified, ErrorClass};
use viva_core::store::Store;
use viva_core::{Outcome, TaskError, TaskMessage};

use crate::{Drained, Flight, Keeper, MemoryQueue, MemoryReplies, Queue, Reply, Runtime, Timing, queue};

/// Why a run could not start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A broker that this version cannot talk to.
    #[error(
        "BROKER_URL={scheme}://... is not supported by this version, which has no broker yet: use BROKER_URL=memory:// and write tasks to \
         standard input, one JSON object a line"
    )]
    NoBroker {
        /// The address' scheme; the rest may hold a password.
        scheme: String,
    },
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

/// Refuses every address but `memory://`. Call it before anything is opened.
pub fn refuse_brokers(url: &str) -> Result<(), Error> {
    match url.split(':').next().unwrap_or_default() {
        "memory" => Ok(()),
        scheme => Err(Error::NoBroker { scheme: scheme.to_owned() }),
    }
}

/// Joins the workers of the database as `name`, and runs what `register` makes of a runtime until the input has ended and
/// everything is answered, until Ctrl-C, or until the others have given this process up.
pub async fn run(store: Store, name: &str, register: impl FnOnce(Runtime, Flight) -> Runtime) -> Result<Drained, TaskError> {
    let (queue, replies) = (MemoryQueue::new(), MemoryReplies::new());
    let (shared_queue, reply): (Arc<dyn Queue>, Arc<dyn Reply>) = (Arc::new(queue.clone()), Arc::new(replies.clone()));
    let keeper = Keeper::join(store.beside().await?, name, shared_queue.clone(), reply.clone(), Timing::default()).await?;
    let flight = Flight::new(store, keeper.id().clone());
    let runtime = register(Runtime::new(shared_queue, reply), flight);
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(runtime.run(shutdown.clone()));
    tokio::select! {
        fed = feed(&queue, &replies) => fed?,
        signal = tokio::signal::ctrl_c() => signal.map_err(Error::Io)?,
        () = keeper.lost().cancelled() => {}
    }
    shutdown.cancel();
    let drained = running.await.map_err(|error| Error::Io(std::io::Error::other(error)))??;
    keeper.leave().await?;
    tracing::info!(settled = drained.settled, handed_back = drained.handed_back, "stopped");
    Ok(drained)
}

/// Publishes every line of standard input and prints every outcome; returns when the input has ended and all have come.
async fn feed(queue: &MemoryQueue, replies: &MemoryReplies) -> Result<(), Error> {
    let mut lines = stdin_lines();
    let mut waiting = JoinSet::new();
    let mut open = true;
    while open || !waiting.is_empty() {
        tokio::select! {
            line = lines.recv(), if open => match line.transpose()? {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => {
                    let message: TaskMessage = serde_json::from_str(&line).map_err(|source| Error::NoTask { line, source })?;
                    let (id, outcome) = (message.id.clone(), replies.expect(&message.id));
                    waiting.spawn(async move { (id, outcome.await) });
                    queue.publish(message).await?;
                }
                None => open = false,
            },
            Some(ended) = waiting.join_next() => print(ended.map_err(std::io::Error::other)?),
        }
    }
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

fn print<E>((id, outcome): (String, Result<Outcome, E>)) {
    let Ok(outcome) = outcome else { return };
    let line = match outcome.into_result() {
        Ok(value) => json!({ "id": id, "status": "SUCCESS", "result": value }),
        Err(message) => json!({ "id": id, "status": "FAILURE", "error": message }),
    };
    println!("{line}");
}
