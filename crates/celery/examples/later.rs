//! Takes tasks and answers them later, from kept envelopes, as a process does whose answers are made elsewhere.
//!
//! The first half takes each task, keeps its envelope as a line of JSON in a file, and acknowledges: the broker may forget
//! the task from here on. The second half reads the file, answers, and need not be the same process, nor the same machine.
//!
//! ```text
//! cargo run -p viva-celery --example later -- take /tmp/envelopes
//! cargo run -p viva-celery --example later -- answer /tmp/envelopes '{"score": 3}'
//! ```

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use serde_json::Value;
use viva_celery::{Envelope, Node, Replies, Settings, Unknown};

/// Answers Celery tasks later.
#[derive(Debug, Parser)]
struct Flags {
    /// RabbitMQ, or several of a cluster as `a;b`.
    #[arg(long, env = "BROKER_URL", default_value = "amqp://guest:guest@localhost:5672//")]
    broker_url: String,
    #[command(subcommand)]
    half: Half,
}

#[derive(Debug, Subcommand)]
enum Half {
    /// Takes tasks until Ctrl-C, and keeps what it takes to answer them.
    Take {
        /// Where to keep it.
        file: PathBuf,
    },
    /// Answers all that was kept.
    Answer {
        /// Where it was kept.
        file: PathBuf,
        /// The result of each.
        result: Value,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let settings = Settings { unknown: Unknown::Deliver, ..Settings::new(&flags.broker_url) };
    match flags.half {
        Half::Take { file } => take(settings, &file).await,
        Half::Answer { file, result } => answer(&settings, &file, &result).await,
    }
}

async fn take(settings: Settings, file: &PathBuf) -> anyhow::Result<()> {
    let mut kept =
        OpenOptions::new().create(true).append(true).open(file).with_context(|| format!("cannot keep anything in {}", file.display()))?;
    let node = Node::start(settings)?;
    loop {
        let delivery = tokio::select! {
            delivery = node.next() => delivery,
            interrupted = tokio::signal::ctrl_c() => { interrupted?; None }
        };
        let Some(mut delivery) = delivery else { break };
        delivery.started().await;
        let mut line = serde_json::to_vec(&delivery.envelope())?;
        line.push(b'\n');
        kept.write_all(&line)?;
        // Not before it is on the disk: from the acknowledgement on nobody else remembers the task.
        kept.sync_data()?;
        delivery.ack().await;
    }
    node.shutdown(Duration::from_secs(5), Duration::from_secs(1)).await;
    Ok(())
}

async fn answer(settings: &Settings, file: &PathBuf, result: &Value) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("nothing was kept in {}", file.display()))?;
    let replies = Replies::new(settings)?;
    for line in text.lines() {
        let envelope: Envelope = serde_json::from_str(line)?;
        replies.succeed(&envelope, result, Duration::ZERO).await?;
    }
    replies.close().await;
    std::fs::remove_file(file)?;
    Ok(())
}
