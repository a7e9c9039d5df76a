//! Many requests through one model, a step at a time.
//!
//! A step puts the tokens that every running sequence has not seen yet, and a chunk of whatever prompts wait, into one pass;
//! then each sequence that saw its last token chooses the next. Sequences join and leave between any two steps, a cancelled
//! one leaves at the next. Who runs follows priority; a more urgent request takes the lane or the pages of a less urgent one,
//! which waits and goes on later where it was. None of this changes a bit of anybody's answer (see [`crate::model`]).

mod choose;
mod numbers;
mod prefix;
mod queue;
mod sequence;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use crate::Error;
use crate::engine::Finish;
use crate::model::{Batch, Model, PAGE, Pages};
use crate::tokenizer::Tokenizer;
use choose::Chooser;
use prefix::Prefixes;
use queue::{Queue, Waiting, urgency};
pub(crate) use sequence::{Event, Held, Sequence};

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
}

/// How often a sequence can be made to wait.
const PREEMPTIONS: usize = 2;

/// What the engine has done since it was opened.
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
}

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
        Self { model, tokenizer, limits, pages, prefixes, queue: Queue::default(), lanes: Vec::new(), arrivals: 0, counters }
    }

    /// Takes a request in.
    pub(crate) fn submit(&mut self, sequence: Sequence) {
        self.arrivals += 1;
        self.queue.push(Waiting { arrival: self.arrivals, sequence });
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.lanes.is_empty() && self.queue.is_empty()
    }

    /// One pass and what follows from it.
    pub(crate) fn step(&mut self) {
        self.drop_cancelled();
        self.admit();
        let plan = self.compose();
        if plan.batch.len() > 0 {
            let outcomes = self.compute(&plan);
            self.close(outcomes);
        }
        self.count(&plan);
    }

    /// Fails everything that is in flight.
    pub(crate) fn abandon(&mut self, reason: &str) {
        for mut waiting in self.lanes.drain(..).chain(self.queue.drain()) {
            waiting.sequence.finish(Err(Error::Stopped(reason.to_owned())));
        }
    }

    fn drop_cancelled(&mut self) {
        for mut waiting in self.queue.cancelled() {
            waiting.sequence.finish(Err(Error::Cancelled));
        }
        for index in (0..self.lanes.len()).rev() {
            if self.lanes[index].sequence.cancel.is_cancelled() {
                self.leave(index, Err(Error::Cancelled));
            }
        }
    }

    /// Gives lanes to those who wait, as far as lanes and pages go.
    fn admit(&mut self) {
        while let Some(next) = self.queue.first() {
            let needed = next.sequence.tokens.len() / PAGE + 2;
            let (rank, urgency) = (next.rank(), urgency(&next.sequence));
            while (self.lanes.len() >= self.limits.lanes || self.prefixes.available() < needed) && !self.lanes.is_empty() {
                let Some(victim) = self.victim().filter(|lane| self::urgency(&self.lanes[*lane].sequence) > urgency) else { return };
                self.preempt(victim);
            }
            debug_assert_eq!(self.queue.first().map(Waiting::rank), Some(rank), "a preempted sequence is less urgent");
            let Some(mut next) = self.queue.pop() else { return };
            match next.sequence.settle(&self.tokenizer) {
                Ok(None) => self.lanes.push(next),
                Ok(Some(finish)) => next.sequence.finish(Ok(finish)),
                Err(error) => next.sequence.finish(Err(error)),
            }
        }
    }

    /// The lane that gives way first: the least urgent, of those the latest, none that did so too often.
    fn victim(&self) -> Option<usize> {
        let able = |lane: &usize| self.lanes[*lane].sequence.preempted < PREEMPTIONS;
        (0..self.lanes.len()).filter(able).max_by_key(|lane| self.lanes[*lane].rank())
    }

    /// Puts a running sequence back into the queue. Its whole pages stay findable for as long as nobody needs them.
    fn preempt(&mut self, lane: usize) {
        let mut waiting = self.lanes.remove(lane);
        self.release(std::mem::take(&mut waiting.sequence.held));
        waiting.sequence.preempted += 1;
        self.counters.preemptions.fetch_add(1, Relaxed);
        self.queue.push(waiting);
    }

    fn release(&mut self, held: Held) {
        held.table.into_iter().for_each(|page| self.prefixes.release(page));
    }

    fn leave(&mut self, lane: usize, result: Result<Finish, Error>) {
        let mut waiting = self.lanes.remove(lane);
        self.release(std::mem::take(&mut waiting.sequence.held));
        waiting.sequence.finish(result);
    }

    /// Chooses the rows of the next pass: what answers wait for, then prompts, the most urgent first.
    fn compose(&mut self) -> Plan {
        let mut plan = Plan::default();
        let answering = self.lanes.iter().any(|lane| lane.sequence.is_answering());
        let mut left = if answering { self.limits.beside } else { self.limits.chunk };
        self.lanes.sort_by_key(|lane| (!lane.sequence.is_answering(), lane.rank()));
        let mut lane = 0;
        while lane < self.lanes.len() {
            self.share(lane);
            let sequence = &self.lanes[lane].sequence;
            let rows = if sequence.is_answering() { sequence.pending() } else { sequence.pending().min(left) };
            if !self.reserve(lane, rows) {
                // Out of pages: the last in line makes room for those before it, or waits itself.
                let last = self.victim().filter(|victim| *victim > lane).unwrap_or(lane);
                self.preempt(last);
                continue;
            }
            if !self.lanes[lane].sequence.is_answering() {
                left -= rows;
            }
            self.place(lane, rows, &mut plan);
            lane += 1;
        }
        plan
    }

    /// Takes over pages that others have computed, or will in this very pass.
    fn share(&mut self, lane: usize) {
        let sequence = &mut self.lanes[lane].sequence;
        let held = &mut sequence.held;
        while held.computed == held.table.len() * PAGE && held.computed + PAGE < sequence.tokens.len() {
            let Some(tokens) = sequence.tokens[held.computed..].first_chunk::<PAGE>() else { break };
            let Some((node, page)) = self.prefixes.take(held.node, tokens) else { break };
            held.node = Some(node);
            held.table.push(page);
            held.computed += PAGE;
            if sequence.preempted == 0 {
                sequence.cached += PAGE;
            }
            self.counters.prefix_tokens.fetch_add(PAGE as u64, Relaxed);
        }
    }

    /// Pages for `rows` more tokens; false if there are none.
    fn reserve(&mut self, lane: usize, rows: usize) -> bool {
        let held = &mut self.lanes[lane].sequence.held;
        while held.table.len() * PAGE < held.computed + rows {
            let Some(page) = self.prefixes.allocate(&mut self.pages) else { return false };
            held.table.push(page);
        }
        true
    }

    /// Puts `rows` of a lane into the pass.
    fn place(&mut self, lane: usize, rows: usize, plan: &mut Plan) {
        let sequence = &mut self.lanes[lane].sequence;
        if rows == 0 {
            return;
        }
        let kind = if sequence.is_answering() { &self.counters.answer_rows } else { &self.counters.prompt_rows };
        kind.fetch_add(rows as u64, Relaxed);
        let held = &mut sequence.held;
        plan.batch.push(&sequence.tokens[held.computed..][..rows], held.computed, &held.table);
        let whole = held.computed / PAGE;
        held.computed += rows;
        for page in whole..held.computed / PAGE {
            if let Some(tokens) = sequence.tokens[page * PAGE..].first_chunk::<PAGE>() {
                held.node = Some(self.prefixes.publish(held.node, tokens, held.table[page]));
            }
        }
        if sequence.pending() == 0 {
            plan.ready.push(lane);
            plan.wanted.push(plan.batch.len() - 1);
        }
    }

    /// Runs the pass, with the masks beside it, and lets every lane that is ready choose.
    fn compute(&mut self, plan: &Plan) -> Vec<(usize, Result<Finish, Error>)> {
        let Self { model, tokenizer, pages, lanes, .. } = self;
        let running = lanes.iter_mut().enumerate().filter(|(lane, _)| plan.ready.contains(lane));
        let mut ready: Vec<Chooser<'_>> = running.map(|(_, lane)| Chooser::new(&mut lane.sequence)).collect();
        let forward = || model.forward(&plan.batch, pages, &plan.wanted);
        let masks = || ready.par_iter_mut().with_max_len(1).for_each(Chooser::ask);
        let (hidden, ()) = rayon::join(forward, masks);
        let tokens = choose::choose((model, tokenizer), &hidden, &mut ready);
        let next = |sequence: &mut Sequence, token: Result<u32, Error>| -> Result<Option<Finish>, Error> {
            let end = sequence.push(token?, tokenizer)?;
            let end = if end.is_none() { sequence.settle(tokenizer)? } else { end };
            sequence.tell();
            Ok(end)
        };
        let ends: Vec<_> = ready.par_iter_mut().with_max_len(1).zip(tokens).map(|(ready, token)| next(ready.sequence, token)).collect();
        plan.ready.iter().zip(ends).filter_map(|(lane, end)| Some((*lane, end.transpose()?))).collect()
    }

    /// Lets finished lanes go; the highest first, so that the others keep their numbers.
    fn close(&mut self, mut outcomes: Vec<(usize, Result<Finish, Error>)>) {
        outcomes.sort_by_key(|(lane, _)| std::cmp::Reverse(*lane));
        for (lane, result) in outcomes {
            self.leave(lane, result);
        }
    }

    fn count(&self, plan: &Plan) {
        let counters = &self.counters;
        counters.steps.fetch_add(1, Relaxed);
        counters.chosen.fetch_add(plan.ready.len() as u64, Relaxed);
        counters.running.store(self.lanes.len() as u64, Relaxed);
        counters.waiting.store(self.queue.len() as u64, Relaxed);
        counters.pages_held.store(self.prefixes.held() as u64, Relaxed);
    }
}
