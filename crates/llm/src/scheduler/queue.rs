//! Requests that wait for a lane, and who is next.
//!
//! Higher priorities first, earlier ones first within a priority. Nobody starves: whoever has been overtaken by
//! [`PATIENCE`] later requests moves up one priority, so a background request is overtaken at most twice that often.

use std::time::Instant;

use super::sequence::Sequence;
use crate::engine::Priority;

/// Later requests that may go first before a waiting one moves up.
pub(crate) const PATIENCE: usize = 32;

/// A request with its place in the order of arrival.
pub(crate) struct Waiting {
    pub(crate) arrival: u64,
    pub(crate) sequence: Sequence,
}

impl Waiting {
    /// Lower goes first.
    pub(crate) fn rank(&self) -> (usize, u64) {
        (urgency(&self.sequence), self.arrival)
    }
}

/// 0 is the most urgent.
pub(crate) fn urgency(sequence: &Sequence) -> usize {
    let own: usize = match sequence.priority {
        Priority::Interactive => 0,
        Priority::Evaluation => 1,
        Priority::Background => 2,
    };
    own.saturating_sub(sequence.overtaken / PATIENCE)
}

#[derive(Default)]
pub(crate) struct Queue(Vec<Waiting>);

impl Queue {
    pub(crate) fn push(&mut self, waiting: Waiting) {
        self.0.push(waiting);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The request that goes next.
    pub(crate) fn first(&self) -> Option<&Waiting> {
        self.0.iter().min_by_key(|waiting| waiting.rank())
    }

    /// Takes that request out; whoever came before it has been overtaken.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let index = (0..self.0.len()).min_by_key(|i| self.0[*i].rank())?;
        let next = self.0.swap_remove(index);
        for other in self.0.iter_mut().filter(|other| other.arrival < next.arrival) {
            other.sequence.overtaken += 1;
        }
        Some(next)
    }

    /// Takes out all whose caller has given up, or whose time is over.
    pub(crate) fn gone(&mut self, now: Instant) -> impl Iterator<Item = Waiting> {
        self.0.extract_if(.., move |waiting| waiting.sequence.gone(now).is_some())
    }

    /// All that wait, in no order.
    #[cfg(test)]
    pub(crate) fn sequences(&self) -> impl Iterator<Item = &Sequence> {
        self.0.iter().map(|waiting| &waiting.sequence)
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Waiting> {
        self.0.drain(..)
    }
}
