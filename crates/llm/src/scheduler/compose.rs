//! What a pass computes: rows chosen, shared pages found, new ones reserved.

use super::{Plan, Relaxed, Scheduler};
use crate::model::PAGE;

impl Scheduler {
    /// Chooses the rows of the next pass: what answers wait for, then prompts, the most urgent first.
    pub(super) fn compose(&mut self) -> Plan {
        let mut plan = Plan::default();
        let answering = self.lanes.iter().any(|lane| lane.sequence.is_answering());
        let mut left = self.prompt_rows(answering);
        self.lanes.sort_by_key(|lane| (!lane.sequence.is_answering(), lane.rank()));
        let mut lane = 0;
        while lane < self.lanes.len() {
            self.share(lane);
            let sequence = &self.lanes[lane].sequence;
            let most = match (sequence.is_answering(), self.limits.jump) {
                (false, _) => left,
                (true, true) => usize::MAX,
                (true, false) => 1,
            };
            let rows = sequence.pending().min(most);
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

    /// How many rows of prompts a pass takes. Beside the first answers after a rest only a few: they cost almost nothing there,
    /// since the weights are read anyway, and whoever waits sees the first result soon. Afterwards many, so that the other
    /// answers start together.
    fn prompt_rows(&mut self, answering: bool) -> usize {
        if !answering {
            return self.limits.chunk;
        }
        if self.opening == 0 {
            return self.limits.beside;
        }
        self.opening -= 1;
        self.limits.opening
    }

    /// Takes over pages that others have computed, or will in this very pass.
    fn share(&mut self, lane: usize) {
        if !self.limits.reuse {
            return;
        }
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
}
