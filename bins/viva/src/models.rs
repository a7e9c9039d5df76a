//! `viva models`: what there is, fetch it, check it, where it is.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use viva_models::{Catalogue, Console, Error, Home, Kind, Model, PullOptions, Terms, ask};

/// What the demo needs, and what `pull` fetches when no name is given.
const DEFAULTS: [&str; 2] = ["kokoro", "gemma-3-270m"];

/// Arguments of `viva models`.
#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the models Viva knows, their size and licence, and which are here.
    List,
    /// Fetch models: what is missing or broken. Without a name: the voice and the default judge.
    Pull {
        /// Names, as `list` shows them.
        names: Vec<String>,
        /// Accept this licence (its name, as `list` shows it), once for this machine.
        #[arg(long, value_name = "NAME")]
        accept_licence: Vec<String>,
    },
    /// Read every byte of the models that are here (or of those named) and hold it against its digest.
    Verify {
        /// Names, as `list` shows them.
        names: Vec<String>,
    },
    /// Print the path of a model's weights; its other files stand beside it.
    Path {
        /// Name, as `list` shows it.
        name: String,
    },
}

/// Runs `viva models`. The result goes to stdout, progress to stderr.
pub(crate) async fn run(args: ModelsArgs, home: &Home) -> anyhow::Result<()> {
    match args.command {
        Command::List => list(home),
        Command::Pull { names, accept_licence } => return pull(names, accept_licence, home).await,
        Command::Verify { names } => return verify(names, home),
        Command::Path { name } => println!("{}", home.path(&name)?.model().display()),
    }
    Ok(())
}

fn list(home: &Home) {
    println!("in {}", home.dir().display());
    for model in home.catalogue().models() {
        let kind = match model.kind {
            Kind::Speech => "voice",
            Kind::Llm => "judge",
            Kind::Embedding => "search",
        };
        let here = match home.path(&model.name) {
            Ok(_) => "here",
            Err(Error::Absent { .. }) => "-",
            Err(_) => "BROKEN",
        };
        println!("{:<16} {kind}  {:>8}  {here:<6}  {:<13}  {}", model.name, size(model), model.licence.name, model.title);
    }
}

async fn pull(names: Vec<String>, accept_licences: Vec<String>, home: &Home) -> anyhow::Result<()> {
    let names = if names.is_empty() { DEFAULTS.map(str::to_owned).to_vec() } else { names };
    known_licences(home.catalogue(), &accept_licences)?;
    let options = PullOptions { accept_licences, ask: Some(ask), ..PullOptions::default() };
    for name in names {
        let files = home.pull(&name, &options, &Console::new()).await?;
        files.paths().for_each(|path| println!("{}", path.display()));
    }
    Ok(())
}

/// A misspelt licence would be answered with "accept it" after it was, as the user sees it, accepted.
fn known_licences(catalogue: &Catalogue, named: &[String]) -> anyhow::Result<()> {
    let to_accept = || catalogue.models().iter().filter(|m| m.licence.terms == Terms::NonCommercial).map(|m| &m.licence.name);
    match named.iter().find(|name| !to_accept().any(|known| known.eq_ignore_ascii_case(name))) {
        None => Ok(()),
        Some(name) => bail!("no licence to accept is called {name:?}; known: {}", to_accept().cloned().collect::<Vec<_>>().join(", ")),
    }
}

fn verify(names: Vec<String>, home: &Home) -> anyhow::Result<()> {
    let here = |model: &&Model| model.files.iter().any(|file| home.dir().join(&model.name).join(&file.name).exists());
    let all = || home.catalogue().models().iter().filter(here).map(|m| m.name.clone()).collect();
    let names: Vec<String> = if names.is_empty() { all() } else { names };
    let mut broken = Vec::new();
    for name in &names {
        for checked in home.verify(name).with_context(|| format!("verifying {name}"))? {
            match checked.outcome {
                Ok(sha256) => println!("ok      {sha256}  {}", checked.path.display()),
                Err(error) => {
                    println!("BROKEN  {error}");
                    broken.push(name.as_str());
                }
            }
        }
    }
    broken.dedup();
    match (names.is_empty(), broken.is_empty()) {
        (true, _) => println!("no models in {}", home.dir().display()),
        (_, true) => {}
        (_, false) => bail!("not as it should be: {}; `viva models pull {}` fetches what is broken", broken.join(", "), broken.join(" ")),
    }
    Ok(())
}

fn size(model: &Model) -> String {
    match (model.size(), model.approx_mb) {
        (Some(bytes), _) => format!("{} MB", bytes.div_ceil(1_000_000)),
        (None, Some(mb)) => format!("~{mb} MB"),
        (None, None) => "?".to_owned(),
    }
}
