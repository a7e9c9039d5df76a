//! Reads the command line, runs it, says what went wrong.

use clap::Parser as _;
use tts_worker::cli::Cli;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    viva_worker::logging::init(viva_worker::logging::WORKER);
    viva_worker::health::record();
    match tts_worker::run(Cli::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tts-worker: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because {cause}");
            }
            std::process::ExitCode::FAILURE
        }
    }
}
