//! `viva audit`: whether the records are as they were written, how groups fare, whether a name changes a score.

mod counterfactual;
mod groups;

use clap::{Args, Subcommand};
use viva_core::store::Head;

use crate::cli::Settings;

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Checks the log's chain and every row that it speaks of. Prints the head: note it where nobody who can write to the
    /// database can write, and give it here the next time.
    Verify {
        /// A head that was noted earlier: it must still stand.
        #[arg(long, value_name = "SEQ:HASH")]
        head: Option<Head>,
    },
    /// Scores by group, with impact ratios, for an audit of bias.
    Groups(groups::GroupsArgs),
    /// Scores stored answers with names and gendered words swapped, and tells the differences.
    Counterfactual(counterfactual::CounterfactualArgs),
}

pub(crate) async fn run(args: AuditArgs, settings: &Settings) -> anyhow::Result<()> {
    match args.command {
        Command::Verify { head } => verify(head.as_ref(), settings).await,
        Command::Groups(args) => groups::run(&args, settings).await,
        Command::Counterfactual(args) => counterfactual::run(args, settings).await,
    }
}

async fn verify(head: Option<&Head>, settings: &Settings) -> anyhow::Result<()> {
    let store = settings.store().await?;
    let checked = store.check_log(head).await?;
    store.close().await?;
    println!(
        "{} entries; {} evaluations and {} reviews as they were written; {} erased",
        checked.entries, checked.evaluations, checked.reviews, checked.erased
    );
    if let Some(head) = &checked.head {
        println!("head {head}");
    }
    for fault in &checked.faults {
        println!("FAULT  {}: {}", fault.place, fault.what);
    }
    anyhow::ensure!(checked.faults.is_empty(), "{} things are not as they were written", checked.faults.len());
    Ok(())
}
