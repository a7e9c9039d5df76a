//! Many requests through one model, a step at a time.
//!
//! A step puts the tokens that every running sequence has not seen yet, and a chunk of whatever prompts wait, into one pass;
//! then each sequence that saw its last token chooses the next. Sequences join and leave between any two steps, a cancelled
//! one leaves at the next. Who runs follows priority; a more urgent request takes the lane or the pages of a less urgent one,
//! which waits and goes on later where it was. None of this changes a bit of anybody's answer (see [`crate::model`]).

mod choose;
mod compose;
mod counters;
mod lanes;
mod numbers;
mod prefix;
mod queue;
mod sequence;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use crate::Error;
use crate::engine::Finish;
use crate::model::{Batch, Model, Pages};
use crate::time;
use crate::tokenizer::Tokenizer;
use choose::Chooser;
pub(crate) use counters::Counters;
use prefix::Prefixes;
use queue::{Queue, Waiting};
pub(crate) use sequence::{Caller, Event, Held, Sequence};

/// How much runs at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Sequences that run.
    pub(crate) lanes: usize,
    /// Pages of keys and values.
    pub(crate) pages: usize,
    /// Prompt rows of a step in which nobody answers.
    pub(crate) chunk: usize,
    /// Prompt rows of a step beside answers: few, so that these do not wait.
    pub(crate) beside: usize,
    /// The same until the first answer after a rest is complete.
    pub(crate) opening: usize,
    /// Whether prompts take over pages that others have computed.
    pub(crate) reuse: bool,
    /// Whether tokens that a grammar decides go through the model together.
    pub(crate) jump: bool,
}

/// Steps after which an opening is over even if no answer is complete.
const OPENING: usize = 64;

pub(crate) struct Scheduler {
    model: Model,
    tokenizer: Tokenizer,
    limits: Limits,
    pages: Pages,
    prefixes: Prefixes,
    queue: Queue,
    /// Running sequences with their places in the order of arrival.
    lanes: Vec<Waiting>,
    arrivals: u64,
    /// Steps for which the first answer after a rest goes before prompts.
    opening: usize,
    counters: Arc<Counters>,
}

/// A pass, and who chooses a token after it.
#[derive(Default)]
struct Plan {
    batch: Batch,
    /// Lanes that will have seen all their tokens.
    ready: Vec<usize>,
    /// The last row of each.
    wanted: Vec<usize>,
}

impl Scheduler {
    pub(crate) fn new(model: Model, tokenizer: Tokenizer, limits: Limits, counters: Arc<Counters>) -> Self {
        let (pages, prefixes) = (model.new_pages(), Prefixes::new(limits.pages));
        let (queue, lanes) = (Queue::default(), Vec::new());
        Self { model, tokenizer, limits, pages, prefixes, queue, lanes, arrivals: 0, opening: 0, counters }
    }

    /// Takes a request in.
    pub(crate) fn submit(&mut self, sequence: Sequence) {
        if self.is_idle() {
            self.opening = OPENING;
        }
        self.arrivals += 1;
        self.queue.push(Waiting { arrival: self.arrivals, sequence });
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.lanes.is_empty() && self.queue.is_empty()
    }

    /// One pass and what follows from it.
    pub(crate) fn step(&mut self) {
        let begin = time::now();
        self.drop_gone();
        self.admit();
        let plan = self.compose();
        if plan.batch.len() > 0 {
            let outcomes = self.compute(&plan);
            self.close(outcomes);
        }
        self.count(&plan);
        Counters::time(&self.counters.step_ns, begin);
    }

    /// Fails everything that is in flight.
    pub(crate) fn abandon(&mut self, reason: &str) {
        for mut waiting in self.lanes.drain(..).chain(self.queue.drain()) {
            waiting.sequence.finish(Err(Error::Stopped(reason.to_owned())));
        }
    }

    /// Runs the pass, with the masks beside it, and lets every lane that is ready choose.
    fn compute(&mut self, plan: &Plan) -> Vec<(usize, Result<Finish, Error>)> {
        let Self { model, tokenizer, pages, lanes, counters, .. } = self;
        let running = lanes.iter_mut().enumerate().filter(|(lane, _)| plan.ready.contains(lane));
        let mut ready: Vec<Chooser<'_>> = running.map(|(_, lane)| Chooser::new(&mut lane.sequence)).collect();
        let forward = || model.forward(&plan.batch, pages, &plan.wanted);
        let masks = || ready.par_iter_mut().with_max_len(1).for_each(|ready| Counters::timed(&counters.mask_ns, || ready.ask()));
        let (hidden, ()) = rayon::join(forward, masks);
        let tokens = choose::choose((model, tokenizer), &hidden, &mut ready);
        let next = |sequence: &mut Sequence, token: Result<u32, Error>| -> Result<Option<Finish>, Error> {
            let end = sequence.push(token?, tokenizer)?;
            let end = if end.is_none() { sequence.settle(tokenizer)? } else { end };
            sequence.tell();
            Ok(end)
        };
        let next = |(ready, token): (&mut Chooser<'_>, _)| Counters::timed(&counters.commit_ns, || next(ready.sequence, token));
        let ends: Vec<_> = ready.par_iter_mut().with_max_len(1).zip(tokens).map(next).collect();
        plan.ready.iter().zip(ends).filter_map(|(lane, end)| Some((*lane, end.transpose()?))).collect()
    }

    /// Lets finished lanes go; the highest first, so that the others keep their numbers.
    fn close(&mut self, mut outcomes: Vec<(usize, Result<Finish, Error>)>) {
        outcomes.sort_by_key(|(lane, _)| std::cmp::Reverse(*lane));
        for (lane, result) in outcomes {
            self.leave(lane, result);
        }
    }
}
