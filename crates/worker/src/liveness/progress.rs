use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use viva_core::clock::Moment;
use viva_core::{Clock as _, SystemClock};

/// Between two looks at an engine's count of its steps.
const LOOK: Duration = Duration::from_secs(1);

/// Whether this process can work, and whether its work moves: each piece of it ticks, or has said how long it takes. Clones
/// share it.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Mutex<Steps>>);

#[derive(Debug, Default)]
struct Steps {
    /// Its models are warm.
    ready: bool,
    last: u64,
    open: HashMap<u64, Open>,
}

#[derive(Debug)]
struct Open {
    what: String,
    budget: Duration,
    until: Moment,
}

/// A piece of work that is being done, until it is dropped. Clones are the same piece.
#[derive(Debug, Clone)]
pub struct Step(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    progress: Progress,
    number: u64,
}

/// A piece of work that has not moved within its budget: whoever does it hangs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// What it is.
    pub what: String,
    /// How long it may take from tick to tick.
    pub budget: Duration,
    /// For how long it has not moved beyond that.
    pub over: Duration,
}

impl Progress {
    /// Nothing is being done, and nothing is ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a piece of work that moves at least once in `budget`, or is over by then.
    pub fn begin(&self, what: impl Into<String>, budget: Duration) -> Step {
        let mut steps = self.lock();
        steps.last += 1;
        let number = steps.last;
        steps.open.insert(number, Open { what: what.into(), budget, until: SystemClock.monotonic().plus(budget) });
        drop(steps);
        Step(Arc::new(Inner { progress: self.clone(), number }))
    }

    /// Whether the models are warm: the first task need not wait for them. Nothing is ready until it is said.
    pub fn set_ready(&self, ready: bool) {
        self.lock().ready = ready;
    }

    /// As it was said last.
    pub fn is_ready(&self) -> bool {
        self.lock().ready
    }

    /// The piece that is overdue the longest.
    pub fn overdue(&self) -> Option<Overdue> {
        let now = SystemClock.monotonic();
        let steps = self.lock();
        let over = steps.open.values().filter(|open| open.until < now);
        let worst = over.min_by_key(|open| open.until)?;
        Some(Overdue { what: worst.what.clone(), budget: worst.budget, over: now.since(worst.until) })
    }

    /// The whole process stood still for this long, and the work with it.
    pub(super) fn forgive(&self, pause: Duration) {
        for open in self.lock().open.values_mut() {
            open.until = open.until.plus(pause);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Steps> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Step {
    /// It has moved: its budget begins again.
    pub fn tick(&self) {
        self.again(None);
    }

    /// What comes next is known to take up to `budget` without a tick: a model that is loaded, one long call of a kernel.
    pub fn protect(&self, budget: Duration) {
        self.again(Some(budget));
    }

    /// Waits for `work`, which an engine does that counts its steps: whenever `steps` has risen it has moved. So does work that waits
    /// for its turn, while the engine is at another's.
    pub async fn follow<T>(&self, steps: impl Fn() -> u64, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        let mut seen = steps();
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(LOOK) => {}
            }
            let now = steps();
            if now != seen {
                self.tick();
                seen = now;
            }
        }
    }

    fn again(&self, budget: Option<Duration>) {
        let now = SystemClock.monotonic();
        if let Some(open) = self.0.progress.lock().open.get_mut(&self.0.number) {
            open.budget = budget.unwrap_or(open.budget);
            open.until = now.plus(open.budget);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.progress.lock().open.remove(&self.number);
    }
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, budget, over } = self;
        write!(f, "{what} has not moved for {} ms, {} ms more than it may take", (*budget + *over).as_millis(), over.as_millis())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    #[test]
    fn work_that_moves_or_has_said_how_long_it_takes_is_never_overdue() {
        let progress = Progress::new();
        let step = progress.begin("speaking", LONG);
        assert_eq!(progress.overdue(), None);
        step.protect(Duration::ZERO);
        assert_eq!(progress.overdue().map(|overdue| overdue.what), Some("speaking".to_owned()));
        step.protect(LONG);
        step.tick();
        assert_eq!(progress.overdue(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn work_moves_while_its_engine_counts_and_hangs_when_it_does_not() {
        let (progress, steps) = (Progress::new(), std::cell::Cell::new(0_u64));
        let step = progress.begin("speaking", Duration::ZERO);
        let ticks = || progress.lock().open.values().map(|open| open.until).next();
        let (begun, moved) = (ticks(), std::cell::Cell::new(None));
        let work = async {
            tokio::time::sleep(5 * LOOK).await;
            assert_eq!(ticks(), begun, "nothing has moved");
            steps.set(1);
            tokio::time::sleep(2 * LOOK).await;
            moved.set(ticks());
            "spoken"
        };
        assert_eq!(step.follow(|| steps.get(), work).await, "spoken");
        assert!(moved.get() > begun);
    }

    #[test]
    fn work_that_is_over_is_not_overdue_and_a_pause_of_the_process_counts_for_nobody() {
        let progress = Progress::new();
        let (done, paused) = (progress.begin("done", Duration::ZERO), progress.begin("paused", Duration::ZERO));
        let kept = done.clone();
        drop(done);
        assert!(progress.overdue().is_some());
        drop(kept);
        progress.forgive(LONG);
        assert_eq!(progress.overdue(), None);
        paused.tick();
        assert_eq!(progress.overdue().map(|overdue| overdue.what), Some("paused".to_owned()));
    }
}
