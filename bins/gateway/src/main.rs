//! Reads the command line, builds a gateway, runs it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use gateway::auth::{Key, Tokens};
use gateway::cli::Cli;
use gateway::{App, Options, Webhook};
use tokio_util::sync::CancellationToken;
use viva_celery::{DeadLetters, Settings};
use viva_core::audio::Audio;
use viva_core::store::Store;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    viva_worker::logging::init(viva_worker::logging::WORKER);
    viva_worker::health::record();
    match run(Cli::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gateway: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  because {cause}");
            }
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let tokens = cli.tokens.as_deref().map_or_else(|| Ok(Tokens::default()), Tokens::read)?;
    let key = cli.token_key_file.as_deref().map_or_else(|| Ok(Key::random()), Key::read)?;
    if cli.tokens.is_none() {
        tracing::warn!("no TOKENS: nobody may ask for anything but health and audio; `gateway --help` shows how to make one");
    }
    let store = Store::open(cli.database_url.as_deref(), &cli.viva_data).await.context("the database cannot be used")?;
    let audio = match &cli.audio_url {
        Some(url) => Audio::connect(url).await?,
        None => Audio::at(cli.viva_data.join("audio")).await?,
    };
    let options = Options {
        cors_origins: cli.cors_origins,
        rate_per_s: cli.rate_per_s,
        streams: cli.max_streams,
        response_format: cli.response_format,
        legacy_audio: cli.legacy_audio,
    };
    let mut app = App::new(store.clone(), audio, tokens, key, options);
    if let Some(url) = cli.broker_url {
        app = app.with_dead_letters(DeadLetters::new(&Settings::new(url))?);
    }
    let stop = CancellationToken::new();
    let hooks = match (&cli.webhook_url, &cli.webhook_secret_file) {
        (Some(url), Some(path)) => {
            let secret = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            let (hook, store, stop) = (Webhook::new(url, &secret)?, store.clone(), stop.clone());
            Some(tokio::spawn(async move { hook.run(store, stop).await }))
        }
        _ => None,
    };
    let listener = tokio::net::TcpListener::bind(cli.listen).await.with_context(|| format!("{} cannot be listened on", cli.listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let serving = tokio::spawn(gateway::serve(listener, Arc::new(app), stop.clone(), Duration::from_secs(cli.drain_s)));
    let signal = viva_worker::serve::told_to_stop().await?;
    tracing::info!(signal, "told to stop; streams end, requests may finish");
    stop.cancel();
    serving.await??;
    if let Some(hooks) = hooks {
        hooks.await?;
    }
    Ok(())
}
