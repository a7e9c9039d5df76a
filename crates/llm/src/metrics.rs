//! What an engine tells of its work.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::model::PAGE;
use crate::scheduler::Counters;

/// What an engine has done since it was opened, and what it is doing. Rates are a caller's who has a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metrics {
    /// Passes through the model.
    pub steps: u64,
    /// Prompt tokens computed.
    pub prompt_tokens: u64,
    /// Prompt tokens that were computed already.
    pub prefix_tokens: u64,
    /// Answer tokens computed, those that a schema decided included.
    pub answer_tokens: u64,
    /// Tokens chosen by the model.
    pub chosen_tokens: u64,
    /// Answer tokens that a schema decided, of answers that are complete.
    pub forced_tokens: u64,
    /// Times that a request gave way to another.
    pub preemptions: u64,
    /// Answers being decoded.
    pub running: u64,
    /// Requests waiting for a lane.
    pub waiting: u64,
    /// Tokens whose keys running requests hold, in whole pages.
    pub kv_tokens: u64,
    /// Nanoseconds of all steps.
    pub step_ns: u64,
    /// Nanoseconds that grammars took for masks, of all threads together; they run beside the passes.
    pub mask_ns: u64,
    /// Nanoseconds that grammars took for chosen tokens, of all threads together.
    pub commit_ns: u64,
    /// Nanoseconds that requests waited for a lane, all together.
    pub queue_ns: u64,
    /// Requests that have had one.
    pub admitted: u64,
}

impl Counters {
    pub(crate) fn told(&self) -> Metrics {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        Metrics {
            steps: read(&self.steps),
            prompt_tokens: read(&self.prompt_rows),
            prefix_tokens: read(&self.prefix_tokens),
            answer_tokens: read(&self.answer_rows),
            chosen_tokens: read(&self.chosen),
            forced_tokens: read(&self.forced),
            preemptions: read(&self.preemptions),
            running: read(&self.running),
            waiting: read(&self.waiting),
            kv_tokens: read(&self.pages_held) * PAGE as u64,
            step_ns: read(&self.step_ns),
            mask_ns: read(&self.mask_ns),
            commit_ns: read(&self.commit_ns),
            queue_ns: read(&self.queue_ns),
            admitted: read(&self.admitted),
        }
    }
}
