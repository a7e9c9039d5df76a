//! `viva dead`: messages that no worker could deal with, set aside by the broker's side with their reason.

use clap::{Args, Subcommand};
use viva_celery::{DeadLetter, DeadLetters, Settings, Which};

use crate::table::Table;

/// Arguments of `dead`.
#[derive(Debug, Args)]
pub(crate) struct DeadArgs {
    /// The broker: amqp://user:password@host:5672/vhost.
    #[arg(long, env = "BROKER_URL", value_name = "URL", default_value = "amqp://guest:guest@localhost:5672/%2f", hide_env_values = true)]
    broker_url: String,
    /// The queue that holds them.
    #[arg(long, value_name = "NAME", default_value = "viva.dead")]
    queue: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists them, oldest first: when, which task, where from, why. They stay where they are.
    List {
        /// At most this many.
        #[arg(long, value_name = "N", default_value = "50")]
        limit: usize,
    },
    /// Shows one whole, headers and body, which may hold what a candidate said.
    Show {
        /// As `list` shows it.
        id: String,
    },
    /// Sends one, or all, once more to the queue it came from, and removes it here.
    Replay {
        #[command(flatten)]
        which: Chosen,
        /// Another queue.
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
    },
    /// Removes one, or all, for good.
    Drop {
        #[command(flatten)]
        which: Chosen,
    },
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Chosen {
    /// As `list` shows it.
    id: Option<String>,
    /// All that are there.
    #[arg(long)]
    all: bool,
}

impl From<Chosen> for Which {
    fn from(chosen: Chosen) -> Self {
        chosen.id.map_or(Self::All, Self::Id)
    }
}

pub(crate) async fn run(args: DeadArgs) -> anyhow::Result<()> {
    let letters = DeadLetters::new(&Settings { dead_queue: args.queue, ..Settings::new(args.broker_url) })?;
    match args.command {
        Command::List { limit } => list(&letters.list(limit).await?),
        Command::Show { id } => show(&letters.show(&id).await?)?,
        Command::Replay { which, to } => println!("sent {} again", letters.replay(&which.into(), to.as_deref()).await?),
        Command::Drop { which } => println!("dropped {}", letters.drop(&which.into()).await?),
    }
    Ok(())
}

fn list(letters: &[DeadLetter]) {
    let mut table = Table::new(["id", "when", "task", "from", "why"], [false; 5]);
    for letter in letters {
        let task = letter.task.clone().unwrap_or_else(|| "-".to_owned());
        table.row([letter.id.clone(), letter.at.clone(), task, letter.queue.clone(), letter.reason.clone()]);
    }
    print!("{table}");
    println!("{} messages", letters.len());
}

fn show(letter: &DeadLetter) -> anyhow::Result<()> {
    println!(
        "id       {}\nwhen     {}\nby       {}\nfrom     {}\nwhy      {}",
        letter.id, letter.at, letter.node, letter.queue, letter.reason
    );
    println!("headers  {}", serde_json::to_string_pretty(&letter.headers)?);
    println!("body     {} bytes\n{}", letter.body.len(), String::from_utf8_lossy(&letter.body));
    Ok(())
}
