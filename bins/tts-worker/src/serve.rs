//! `tts-worker serve`: the tasks of a queue, until told to stop.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use viva_core::task::{SYNTHESIZE, TaskMessage};
use viva_worker::{MemoryQueue, MemoryReplies, Outcome, Queue as _, Runtime};

use crate::cli::ServeArgs;
use crate::{SynthesizeHandler, house};

pub(crate) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    only_memory(&args.broker_url)?;
    let studio = house::studio(&args.store, &args.models).await?;
    let handler = SynthesizeHandler::new(Arc::new(studio), args.voice);
    let (queue, replies) = (MemoryQueue::new(), MemoryReplies::new());
    let runtime = Runtime::new(Arc::new(queue.clone()), Arc::new(replies.clone()))
        .concurrency(args.concurrency)
        .handler(SYNTHESIZE, Arc::new(handler));
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(runtime.run(shutdown.clone()));
    tokio::select! {
        fed = feed(&queue, &replies) => fed?,
        signal = tokio::signal::ctrl_c() => signal.context("cannot listen for Ctrl-C")?,
    }
    shutdown.cancel();
    let drained = running.await??;
    tracing::info!(settled = drained.settled, handed_back = drained.handed_back, "stopped");
    Ok(())
}

/// Refuses what this version cannot do, before anything is opened.
fn only_memory(url: &str) -> anyhow::Result<()> {
    let scheme = url.split(':').next().unwrap_or_default();
    anyhow::ensure!(
        scheme == "memory",
        "BROKER_URL={scheme}://... is not supported by this version, which has no broker yet: use BROKER_URL=memory:// and \
         write tasks to standard input, one JSON object a line"
    );
    Ok(())
}

/// Publishes every line of standard input and prints every outcome; returns when the input has ended and all have come.
async fn feed(queue: &MemoryQueue, replies: &MemoryReplies) -> anyhow::Result<()> {
    let mut lines = stdin_lines();
    let mut waiting = JoinSet::new();
    let mut open = true;
    while open || !waiting.is_empty() {
        tokio::select! {
            line = lines.recv(), if open => match line.transpose()? {
                Some(line) if line.trim().is_empty() => {}
                Some(line) => {
                    let message: TaskMessage = serde_json::from_str(&line).with_context(|| format!("not a task message: {line}"))?;
                    let (id, outcome) = (message.id.clone(), replies.expect(&message.id));
                    waiting.spawn(async move { (id, outcome.await) });
                    queue.publish(message).await?;
                }
                None => open = false,
            },
            Some(ended) = waiting.join_next() => print(ended?),
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
