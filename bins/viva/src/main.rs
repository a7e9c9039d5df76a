//! Viva in one process: `viva demo` voices and scores a sample interview; the other commands look after models,
//! the database, and the machine.

mod audit;
mod cli;
mod dead;
mod demo;
mod doctor;
mod house;
mod migrate;
mod models;
mod records;
mod replay;
mod table;
mod up;

use clap::Parser;
use cli::{Cli, Command};

fn main() -> std::process::ExitCode {
    viva_worker::logging::init(viva_worker::logging::PERSON);
    viva_worker::health::record();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::from(error).context("the async runtime could not start")),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command.unwrap_or(Command::Demo(cli.demo)) {
        Command::Demo(args) => demo::run(args, &cli.settings).await,
        Command::Up(args) => up::run(args, &cli.settings).await,
        Command::Models(args) => models::run(args, &cli.settings.home()?).await,
        Command::Migrate(args) => migrate::run(&args, &cli.settings).await,
        Command::Dead(args) => dead::run(args).await,
        Command::Report(args) => records::report(&args, &cli.settings).await,
        Command::Review(args) => records::review(&args, &cli.settings).await,
        Command::Replay(args) => replay::run(args, &cli.settings).await,
        Command::Audit(args) => audit::run(args, &cli.settings).await,
        Command::Erase(args) => records::erase(&args, &cli.settings).await,
        Command::Doctor => doctor::run(&cli.settings).await,
    }
}

/// What went wrong, and below it why, for a person at a terminal.
fn failed(error: &anyhow::Error) -> std::process::ExitCode {
    eprintln!("viva: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because {cause}");
    }
    std::process::ExitCode::FAILURE
}
