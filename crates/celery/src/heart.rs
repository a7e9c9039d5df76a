//! The thread that shows the worker alive: heartbeats, events, remote control.
//!
//! An operating-system thread with its own runtime and its own connection, which neither a busy engine nor a busy consumer
//! can keep waiting. Whatever fails here is made anew after a while; consuming goes on meanwhile.

mod mingle;
mod pidbox;
mod wire;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::broker::Backoff;
use crate::clock::Instant;
use crate::node::{Shared, Stage};
use crate::{Error, control, machine};
use pidbox::{Next, Pidbox};
use wire::Wire;

/// Events that come within this time travel in one message, as Python's workers batch them.
const GATHER: Duration = Duration::from_millis(30);
/// And at most so many.
const BATCH: usize = 200;
/// A connection that lived this long was a good one.
const GOOD: Duration = Duration::from_secs(10);

/// The thread, from outside.
#[derive(Debug)]
pub(crate) struct Heart {
    /// Dropping it stops the heart.
    stop: DropGuard,
    thread: thread::JoinHandle<()>,
}

impl Heart {
    pub(crate) fn start(shared: Arc<Shared>, events: mpsc::Receiver<String>) -> Result<Self, Error> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let beat = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(live(shared, events, stopped)),
            Err(error) => tracing::error!(%error, "no heartbeats: their runtime cannot be made"),
        };
        let thread = thread::Builder::new()
            .name("celery-heart".to_owned())
            .spawn(beat)
            .map_err(|error| Error::Unsupported(format!("the heart's thread cannot be started: {error}")))?;
        Ok(Self { stop: stop.drop_guard(), thread })
    }

    /// Sends what events there are, says goodbye, ends.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        let thread = self.thread;
        if tokio::task::spawn_blocking(move || thread.join()).await.is_ok_and(|joined| joined.is_err()) {
            tracing::error!("the heart's thread panicked; this is a bug");
        }
    }
}

async fn live(shared: Arc<Shared>, mut events: mpsc::Receiver<String>, stop: CancellationToken) {
    let mut backoff = Backoff::default();
    while !stop.is_cancelled() {
        let began = Instant::now();
        let beating = async {
            let wire = Wire::connect(&shared).await?;
            beat(&shared, wire, &mut events, &stop).await
        };
        // A stop must not wait for a broker that does not answer.
        let ended = tokio::select! {
            ended = beating => ended,
            () = async { stop.cancelled().await; tokio::time::sleep(Duration::from_secs(3)).await } => return,
        };
        let Err(error) = ended else { return };
        if began.elapsed() > GOOD {
            backoff.reset();
        }
        tracing::warn!(%error, "heartbeats and remote control are interrupted");
        tokio::select! {
            () = tokio::time::sleep(backoff.next()) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn beat(shared: &Arc<Shared>, wire: Wire, events: &mut mpsc::Receiver<String>, stop: &CancellationToken) -> Result<(), Error> {
    wire.event("worker.online", &status(shared, "worker-online")).await?;
    let mut pidbox = Pidbox::new();
    let mut pulse = tokio::time::interval(shared.settings.heartbeat);
    pulse.set_missed_tick_behavior(MissedTickBehavior::Skip);
    pulse.tick().await;
    let mut batch = Vec::with_capacity(BATCH);
    let mut flush_at = None;
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            _ = pulse.tick() => if !shared.held_still.load(Ordering::Relaxed) {
                wire.event("worker.heartbeat", &status(shared, "worker-heartbeat")).await?;
            },
            next = pidbox.next() => match next {
                Next::TimeToOpen => pidbox.open(shared, wire.connection()).await?,
                Next::Closed => {}
                Next::Asked(message) => {
                    let said = control::handle(shared, &message);
                    if said.beat {
                        wire.event("worker.heartbeat", &status(shared, "worker-heartbeat")).await?;
                    }
                    if let Some(reply) = said.reply {
                        pidbox.reply(shared, &message, &reply).await;
                    }
                }
            },
            // Not one by one: each would wake this thread.
            _ = events.recv_many(&mut batch, 1), if flush_at.is_none() => flush_at = Some(Instant::now() + GATHER),
            () = tokio::time::sleep_until(flush_at.unwrap_or_else(Instant::now)), if flush_at.is_some() => {
                flush_at = flush(&wire, events, &mut batch).await?.then(Instant::now);
            }
        }
    }
    while flush(&wire, events, &mut batch).await? {}
    wire.event("worker.offline", &status(shared, "worker-offline")).await?;
    wire.close().await;
    Ok(())
}

/// Sends what waits, up to a batch. True if there may be more.
async fn flush(wire: &Wire, events: &mut mpsc::Receiver<String>, batch: &mut Vec<String>) -> Result<bool, Error> {
    while batch.len() < BATCH
        && let Ok(event) = events.try_recv()
    {
        batch.push(event);
    }
    let full = batch.len() == BATCH;
    if !batch.is_empty() {
        wire.events(batch).await?;
        batch.clear();
    }
    Ok(full)
}

/// An event about the worker itself.
fn status(shared: &Shared, kind: &'static str) -> String {
    let (active, processed) = {
        let desk = shared.desk();
        (desk.count(Stage::Active), desk.processed)
    };
    let software = &shared.settings.software;
    shared.events.worker(
        kind,
        &[
            ("freq", shared.settings.heartbeat.as_secs_f64().into()),
            ("active", active.into()),
            ("processed", processed.into()),
            ("loadavg", machine::load_average().to_vec().into()),
            ("sw_ident", software.ident.as_str().into()),
            ("sw_ver", software.version.as_str().into()),
            ("sw_sys", machine::SYSTEM.into()),
        ],
    )
}
