//! The thread of the signs of life.

use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use viva_core::claim::WorkerId;
use viva_core::clock::{Lateness, Offset};
use viva_core::liveness::Rhythm;
use viva_core::store::{Pulse, Store, Vitals};
use viva_core::{Clock as _, SystemClock, TaskError};

use super::mail::Mail;
use super::watch::Watch;
use super::{Overdue, Progress, Trust};
use crate::keeper::{Hung, Timing};

/// How a process whose work hangs ends: `EX_SOFTWARE` of sysexits.h.
const EXIT_HUNG: i32 = 70;
/// What such a process still has, for its last lines in the log.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What the thread needs.
pub(crate) struct Heart {
    pub(crate) store: Store,
    pub(crate) worker: WorkerId,
    pub(crate) name: String,
    pub(crate) timing: Timing,
    pub(crate) progress: Progress,
    pub(crate) trust: Trust,
    /// Cancelled by it when others have this process' work.
    pub(crate) lost: CancellationToken,
}

/// A running thread.
#[derive(Debug)]
pub(crate) struct Beating {
    /// Told to leave, or dropped: then the thread ends as if the process had been killed.
    leave: oneshot::Sender<()>,
    left: oneshot::Receiver<Result<(), TaskError>>,
}

impl Heart {
    /// Starts the thread; returns when the worker has joined the others.
    pub(crate) async fn start(self) -> Result<Beating, TaskError> {
        let (joined, joins) = oneshot::channel();
        let (leave, leaves) = oneshot::channel();
        let (done, left) = oneshot::channel();
        let main = Handle::current();
        let thread = std::thread::Builder::new().name("viva-heart".to_owned());
        let body = move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let ended = runtime.block_on(self.live(main, joined, leaves));
                // Not waited for: a connection that hangs must not keep the thread.
                runtime.shutdown_background();
                drop(done.send(ended));
            }
            Err(error) => drop(joined.send(Err(TaskError::transient(error)))),
        };
        thread.spawn(body).map_err(TaskError::transient)?;
        joins.await.map_err(TaskError::transient)??;
        Ok(Beating { leave, left })
    }

    async fn live(
        self,
        main: Handle,
        joined: oneshot::Sender<Result<(), TaskError>>,
        mut leaves: oneshot::Receiver<()>,
    ) -> Result<(), TaskError> {
        let (pulse, watch) = match self.join(&main).await {
            Ok(lines) => lines,
            Err(error) => {
                drop(joined.send(Err(error)));
                return Ok(());
            }
        };
        drop(joined.send(Ok(())));
        let trust = self.trust.clone();
        let mut beats = Beats { heart: self, pulse, mail: Mail::of(main), offset: Offset::new(), told_ahead_ms: 0, failing: false };
        let leaving = tokio::select! {
            leaving = &mut leaves => leaving.is_ok(),
            () = beats.run() => false,
            () = watch.run() => false,
            () = trust.run_out() => false,
        };
        if !leaving {
            return Ok(());
        }
        // Again, if the connection turns out to be broken; not for longer than it takes the others to notice by themselves.
        let ending = async {
            while let Err(error) = beats.pulse.end().await {
                tracing::debug!(error = TaskError::from(error).chain(), "this worker could not leave yet");
                tokio::time::sleep(beats.heart.timing.beat / 4).await;
            }
        };
        let ended = tokio::time::timeout(beats.heart.timing.ttl, ending).await;
        ended.map_err(|_| TaskError::transient("the database does not answer: the others notice by themselves that this worker has left"))
    }

    async fn join(&self, main: &Handle) -> Result<(Pulse, Watch), TaskError> {
        let (rhythm, patience) = (self.timing.rhythm(), self.timing.patience());
        let pulse = self.store.pulse(&self.worker, rhythm).await?;
        pulse.start(&self.name).await?;
        let lookout = self.store.lookout(&self.worker, rhythm).await?;
        let (worker, store, trust) = (self.worker.clone(), self.store.clone(), self.trust.clone());
        Ok((pulse, Watch { worker, lookout, store, main: main.clone(), trust, rhythm, patience, pruned: None }))
    }
}

impl Beating {
    /// Leaves: what this process holds may be taken up at once.
    pub(crate) async fn leave(self) -> Result<(), TaskError> {
        // Neither is there any more where it was declared gone: then there is nothing to leave.
        self.leave.send(()).ok();
        self.left.await.unwrap_or(Ok(()))
    }
}

struct Beats {
    heart: Heart,
    pulse: Pulse,
    mail: Mail,
    offset: Offset,
    /// How far ahead the clock was when people were told.
    told_ahead_ms: i64,
    /// The last attempt failed.
    failing: bool,
}

impl Beats {
    /// Beats until this process is given up.
    async fn run(&mut self) {
        let Rhythm { beat, .. } = self.heart.timing.rhythm();
        let mut ticks = tokio::time::interval(beat);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut due = ticks.tick().await;
        loop {
            if let Some(overdue) = self.heart.progress.overdue() {
                return self.hang(overdue).await;
            }
            // At once again where it failed: a connection that broke is made anew before its lock is missed.
            if !self.beat(due).await && !self.beat(due).await {
                ticks.reset_after(beat / 4);
            }
            if self.heart.lost.is_cancelled() {
                return;
            }
            let waits = SystemClock.monotonic();
            due = ticks.tick().await;
            let slept = SystemClock.monotonic().since(waits);
            if slept > beat * 3 {
                self.heart.progress.forgive(slept.saturating_sub(beat));
            }
        }
    }

    /// One sign of life; whether there was an answer.
    async fn beat(&mut self, due: Instant) -> bool {
        metrics::histogram!("viva_beat_start_late_seconds").record(due.elapsed());
        self.mail.probe();
        let (begun, patience) = (SystemClock.monotonic(), self.heart.timing.patience());
        let vitals = self.vitals();
        let failed = match tokio::time::timeout(patience, self.pulse.beat(&vitals)).await {
            Ok(Ok(beat)) => {
                if !beat.lives {
                    tracing::error!(worker.id = %self.heart.worker, "this worker was declared gone; it stops, and others have its work");
                    self.heart.lost.cancel();
                    return true;
                }
                self.heart.trust.renew(begun);
                self.failing = false;
                metrics::histogram!("viva_beat_late_seconds").record(due.elapsed());
                if let Some(reading) = beat.clock {
                    self.offset.note(reading);
                }
                self.tell();
                return true;
            }
            Ok(Err(error)) => TaskError::from(error).chain(),
            Err(_) => {
                // What fails here fails again at the next beat.
                tokio::time::timeout(patience, self.pulse.reopen()).await.ok();
                format!("no answer within {} ms", patience.as_millis())
            }
        };
        // Once: what follows is told by how far this worker still trusts itself.
        if !std::mem::replace(&mut self.failing, true) {
            tracing::warn!(error = failed, "no sign of life could be given; it is tried again");
        }
        false
    }

    fn vitals(&self) -> Vitals {
        let clock_ahead_ms = self.offset.ahead_ms(&SystemClock);
        Vitals { clock_ahead_ms, mail_lag_ms: self.mail.lag().as_millis() as i64, ready: self.heart.progress.is_ready() }
    }

    /// Exports what was measured, and tells people of what they should know: lag and a clock that is off, apart.
    fn tell(&mut self) {
        // Told once, when it was read at last; as long as it waits, the row among the sessions and the metrics tell.
        let lag = self.mail.take_arrived().unwrap_or_default();
        let lateness = Lateness { lag, ahead_ms: self.offset.ahead_ms(&SystemClock) };
        let ahead_ms = lateness.ahead_ms.unwrap_or_default();
        metrics::gauge!("viva_clock_ahead_seconds").set(ahead_ms as f64 / 1000.0);
        let news = Lateness { ahead_ms: Some(ahead_ms - self.told_ahead_ms), ..lateness };
        if news.is_notable() {
            self.told_ahead_ms = ahead_ms;
            tracing::warn!(mail.lag_ms = lateness.lag.as_millis() as u64, clock.ahead_ms = ahead_ms, "{lateness}");
        }
    }

    /// The work hangs, and nothing can end a thread: this process gives itself up as a whole.
    async fn hang(&mut self, overdue: Overdue) {
        metrics::counter!("viva_workers_hung_total").increment(1);
        tracing::error!(worker.id = %self.heart.worker, "{overdue}: this worker hangs; it leaves its work to others and ends");
        let ended = tokio::time::timeout(self.heart.timing.patience(), self.pulse.end()).await;
        if !matches!(ended, Ok(Ok(()))) {
            tracing::warn!("nobody could be told; the others notice");
        }
        self.heart.lost.cancel();
        if self.heart.timing.hung == Hung::EndProcess {
            tokio::time::sleep(LAST_WORDS).await;
            std::process::exit(EXIT_HUNG);
        }
    }
}
