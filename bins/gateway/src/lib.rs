//! The HTTP side of Viva: requests become jobs, answers come from the store, and whoever waits is told.
//!
//! Stateless: everything it knows is in the database and the audio store, so any number of replicas stand behind a proxy. A job is
//! published once, whoever asks, through the outbox that the workers relay: the gateway needs no broker. What it shows is what is
//! stored; a report that is not whole says so. Whatever a token does not allow is refused.

mod api;
pub mod auth;
pub mod cli;
mod conditional;
mod document;
mod hub;
mod jobs;
mod limit;
mod problem;
mod reading;
mod routes;
mod server;
mod webhook;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use viva_celery::DeadLetters;
use viva_core::audio::Audio;
use viva_core::clock::Moment;
use viva_core::store::Store;
use viva_core::{Clock as _, SystemClock};

pub use problem::Problem;
pub use routes::router;
pub use server::serve;
pub use webhook::Webhook;

use auth::{Caller, Key, Tokens};
use document::Documents;
use hub::Hub;
use jobs::Jobs;
use limit::Limits;

/// Between two times that what is remembered in this process is looked through.
const PRUNE: Duration = Duration::from_secs(30);

/// What an operator decides.
#[derive(Debug, Clone)]
pub struct Options {
    /// Origins whose pages may ask: none unless named.
    pub cors_origins: Vec<String>,
    /// Requests a second for one person's token; a server may send 40 times as many.
    pub rate_per_s: NonZeroU32,
    /// Streams of news that are open at once.
    pub streams: usize,
    /// The format of speech for clients that name none.
    pub response_format: String,
    /// Whether `/uploads/tts/q_{id}.wav` is served, to anybody who asks.
    pub legacy_audio: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cors_origins: Vec::new(),
            rate_per_s: NonZeroU32::MIN.saturating_add(49),
            streams: 10_000,
            response_format: "wav".to_owned(),
            legacy_audio: false,
        }
    }
}

/// What all routes share.
#[derive(Debug)]
pub struct App {
    store: Store,
    audio: Audio,
    tokens: Tokens,
    key: Key,
    options: Options,
    dead_letters: Option<Arc<DeadLetters>>,
    dead_seen: tokio::sync::Mutex<Option<(Moment, serde_json::Value)>>,
    hub: Hub,
    jobs: Jobs,
    documents: Documents,
    limits: Limits,
    streams: Arc<Semaphore>,
    /// Cancelled when this process leaves: whoever waits is sent elsewhere.
    stop: CancellationToken,
}

impl App {
    /// A gateway over a store and its audio, which knows these tokens.
    pub fn new(store: Store, audio: Audio, tokens: Tokens, key: Key, options: Options) -> Self {
        Self {
            hub: Hub::new(store.clone()),
            store,
            audio,
            tokens,
            key,
            dead_letters: None,
            dead_seen: tokio::sync::Mutex::default(),
            jobs: Jobs::default(),
            documents: Documents::default(),
            limits: Limits::new(options.rate_per_s),
            streams: Arc::new(Semaphore::new(options.streams)),
            stop: CancellationToken::new(),
            options,
        }
    }

    /// The same, which also shows the broker's dead letters.
    #[must_use]
    pub fn with_dead_letters(self, letters: DeadLetters) -> Self {
        Self { dead_letters: Some(Arc::new(letters)), ..self }
    }

    /// Leaves: streams end, and whoever waits is answered with what there is.
    pub fn leave(&self) {
        self.stop.cancel();
    }

    fn caller(&self, token: &str) -> Option<Caller> {
        self.key.check(token, SystemClock.wall()).or_else(|| self.tokens.find(token))
    }

    /// What goes on beside the requests, until it leaves.
    pub async fn run(&self) {
        let prune = async {
            loop {
                tokio::time::sleep(PRUNE).await;
                self.limits.prune();
                self.jobs.prune();
            }
        };
        tokio::select! {
            () = self.hub.run(self.stop.clone()) => {}
            () = prune => {}
        }
    }
}
