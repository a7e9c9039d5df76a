//! What the engine has done since it was opened.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

use super::{Plan, Scheduler};
use crate::time;

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) steps: AtomicU64,
    pub(crate) prompt_rows: AtomicU64,
    pub(crate) answer_rows: AtomicU64,
    pub(crate) chosen: AtomicU64,
    pub(crate) prefix_tokens: AtomicU64,
    pub(crate) preemptions: AtomicU64,
    pub(crate) running: AtomicU64,
    pub(crate) waiting: AtomicU64,
    pub(crate) pages_held: AtomicU64,
    /// Whole steps, from first to last.
    pub(crate) step_ns: AtomicU64,
    /// Masks, of all threads together; they are computed beside the pass.
    pub(crate) mask_ns: AtomicU64,
    /// Chosen tokens on their way through the grammars, of all threads together.
    pub(crate) commit_ns: AtomicU64,
    /// From arrival to the first lane.
    pub(crate) queue_ns: AtomicU64,
    /// Sequences that have had a lane.
    pub(crate) admitted: AtomicU64,
    /// Tokens that grammars decided, of sequences that are complete.
    pub(crate) forced: AtomicU64,
}

impl Counters {
    /// Adds the time since `begin` to one of them.
    pub(super) fn time(counter: &AtomicU64, begin: Instant) {
        counter.fetch_add(time::now().duration_since(begin).as_nanos() as u64, Relaxed);
    }

    /// Does `work` and adds what it took.
    pub(super) fn timed<T>(counter: &AtomicU64, work: impl FnOnce() -> T) -> T {
        let begin = time::now();
        let result = work();
        Self::time(counter, begin);
        result
    }
}

impl Scheduler {
    pub(super) fn count(&self, plan: &Plan) {
        let counters = &self.counters;
        counters.steps.fetch_add(1, Relaxed);
        counters.chosen.fetch_add(plan.ready.len() as u64, Relaxed);
        counters.running.store(self.lanes.len() as u64, Relaxed);
        counters.waiting.store(self.queue.len() as u64, Relaxed);
        counters.pages_held.store(self.prefixes.held() as u64, Relaxed);
    }
}
