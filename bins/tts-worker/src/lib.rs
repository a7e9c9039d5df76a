//! The voice as a program: speaks texts from the command line or from a queue.
//!
//! Owns the settings, the wiring and the order of store and voice. Promises that no session is open while the engine speaks,
//! that the engine never runs on the async runtime's threads, and that what was spoken once is not spoken again.
//! How a text sounds is `viva-speech`'s business.

mod bench;
pub mod cli;
mod error;
mod handler;
mod house;
mod recipe;
mod say;
mod serve;
mod studio;
mod voice;

pub use error::Error;
pub use handler::SynthesizeHandler;
pub use recipe::Recipe;
pub use studio::{Made, Studio};
pub use viva_speech::DEFAULT_VOICE;
pub use voice::Voice;

/// Does what the command line says.
pub async fn run(cli: cli::Cli) -> anyhow::Result<()> {
    match cli.command {
        cli::Command::Say(args) => say::run(&args).await,
        cli::Command::Voices(args) => voices(&args).await,
        cli::Command::Bench(args) => bench::run(args).await,
        cli::Command::Serve(args) => serve::run(args).await,
    }
}

async fn voices(args: &cli::ModelArgs) -> anyhow::Result<()> {
    let home = house::home(args)?;
    let names = tokio::task::spawn_blocking(move || Ok::<_, Error>(viva_speech::kokoro::voices(&voice::files(&home)?.voices)?));
    for name in names.await?? {
        println!("{name}");
    }
    Ok(())
}
