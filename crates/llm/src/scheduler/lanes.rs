//! Who runs: lanes given, taken away and left.

use super::queue::{Waiting, urgency};
use super::{Counters, Held, Relaxed, Scheduler};
use crate::Error;
use crate::engine::Finish;
use crate::model::PAGE;
use crate::time;

/// How often a sequence can be made to wait.
const PREEMPTIONS: usize = 2;

impl Scheduler {
    /// Lets those go whose caller has given up, or whose time is over.
    pub(super) fn drop_gone(&mut self) {
        let now = time::now();
        for mut waiting in self.queue.gone(now) {
            let reason = waiting.sequence.gone(now).unwrap_or(Error::Cancelled);
            waiting.sequence.finish(Err(reason));
        }
        for index in (0..self.lanes.len()).rev() {
            if let Some(reason) = self.lanes[index].sequence.gone(now) {
                self.leave(index, Err(reason));
            }
        }
    }

    /// Gives lanes to those who wait, as far as lanes and pages go.
    pub(super) fn admit(&mut self) {
        while let Some(next) = self.queue.first() {
            let needed = next.sequence.tokens.len() / PAGE + 2;
            let (rank, urgent) = (next.rank(), urgency(&next.sequence));
            while (self.lanes.len() >= self.limits.lanes || self.prefixes.available() < needed) && !self.lanes.is_empty() {
                let Some(victim) = self.victim().filter(|lane| urgency(&self.lanes[*lane].sequence) > urgent) else { return };
                self.preempt(victim);
            }
            debug_assert_eq!(self.queue.first().map(Waiting::rank), Some(rank), "a preempted sequence is less urgent");
            let Some(mut next) = self.queue.pop() else { return };
            if next.sequence.preempted == 0 {
                Counters::time(&self.counters.queue_ns, next.sequence.caller.arrived);
                self.counters.admitted.fetch_add(1, Relaxed);
            }
            match next.sequence.settle(&self.tokenizer) {
                Ok(None) => self.lanes.push(next),
                Ok(Some(finish)) => next.sequence.finish(Ok(finish)),
                Err(error) => next.sequence.finish(Err(error)),
            }
        }
    }

    /// The lane that gives way first: the least urgent, of those the latest, none that did so too often.
    pub(super) fn victim(&self) -> Option<usize> {
        let able = |lane: &usize| self.lanes[*lane].sequence.preempted < PREEMPTIONS;
        (0..self.lanes.len()).filter(able).max_by_key(|lane| self.lanes[*lane].rank())
    }

    /// Puts a running sequence back into the queue. Its whole pages stay findable for as long as nobody needs them.
    pub(super) fn preempt(&mut self, lane: usize) {
        let mut waiting = self.lanes.remove(lane);
        self.release(std::mem::take(&mut waiting.sequence.held));
        waiting.sequence.preempted += 1;
        self.counters.preemptions.fetch_add(1, Relaxed);
        self.queue.push(waiting);
    }

    fn release(&mut self, held: Held) {
        held.table.into_iter().for_each(|page| self.prefixes.release(page));
    }

    pub(super) fn leave(&mut self, lane: usize, result: Result<Finish, Error>) {
        let mut waiting = self.lanes.remove(lane);
        self.release(std::mem::take(&mut waiting.sequence.held));
        if result.is_ok() {
            self.opening = 0;
            self.counters.forced.fetch_add(waiting.sequence.forced as u64, Relaxed);
        }
        waiting.sequence.finish(result);
    }
}
