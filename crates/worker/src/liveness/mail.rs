use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use viva_core::clock::Moment;
use viva_core::{Clock as _, SystemClock};

/// How late this process reads its mail, by its own monotonic clock alone: whatever comes in is read by tasks of the main
/// runtime, so a task is sent there now and then, and its way is measured.
#[derive(Debug)]
pub(super) struct Mail {
    runtime: Handle,
    /// The last that arrived took this long, in microseconds.
    last_us: Arc<AtomicU64>,
    /// The one that is on its way.
    on_its_way: Arc<Mutex<Option<Moment>>>,
    /// What the slowest one took that has arrived since [`Mail::take_arrived`].
    arrived: Arc<Mutex<Option<Duration>>>,
}

impl Mail {
    /// Measures the runtime of `runtime`.
    pub(super) fn of(runtime: Handle) -> Self {
        Self { runtime, last_us: Arc::default(), on_its_way: Arc::default(), arrived: Arc::default() }
    }

    /// Sends one, unless one is on its way.
    pub(super) fn probe(&self) {
        let mut on_its_way = self.on_its_way.lock().unwrap_or_else(PoisonError::into_inner);
        if on_its_way.is_some() {
            return;
        }
        let sent = SystemClock.monotonic();
        *on_its_way = Some(sent);
        let (last_us, arrives, arrived) = (self.last_us.clone(), self.on_its_way.clone(), self.arrived.clone());
        self.runtime.spawn(async move {
            let lag = SystemClock.monotonic().since(sent);
            metrics::histogram!("viva_mail_lag_seconds").record(lag);
            last_us.store(lag.as_micros() as u64, Ordering::Relaxed);
            let mut arrived = arrived.lock().unwrap_or_else(PoisonError::into_inner);
            *arrived = Some(arrived.map_or(lag, |earlier| earlier.max(lag)));
            drop(arrived);
            *arrives.lock().unwrap_or_else(PoisonError::into_inner) = None;
        });
    }

    /// What the slowest one took that has arrived since this was last asked.
    pub(super) fn take_arrived(&self) -> Option<Duration> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How late mail is read: what the last one took, or what the one on its way has taken until now.
    pub(super) fn lag(&self) -> Duration {
        let last = Duration::from_micros(self.last_us.load(Ordering::Relaxed));
        let on_its_way = *self.on_its_way.lock().unwrap_or_else(PoisonError::into_inner);
        on_its_way.map_or(last, |sent| last.max(SystemClock.monotonic().since(sent)))
    }
}
