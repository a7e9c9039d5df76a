//! A worker's place: the process that is in it, its way to the database, its clock, and what it was given.

use std::collections::BTreeSet;

use serde_json::Value;
use viva_testkit::{FakeClock, Proc, Relay};

use super::broker::Broker;
use crate::fleet::PATIENCE;

const BEAT_MS: &str = "200";
const TTL_MS: &str = "4000";

pub(super) struct Slot {
    pub(super) relay: Relay,
    /// The way to the broker.
    pub(super) mail: Option<Relay>,
    broker: Vec<(&'static str, String)>,
    pub(super) clock: FakeClock,
    pub(super) started: u32,
    url: String,
    process: Option<Proc>,
    /// Lines of the process that were read.
    read: usize,
    up: bool,
    frozen: bool,
    /// Given and not answered.
    held: BTreeSet<String>,
    /// What the processes before said.
    before: Vec<String>,
}

impl Slot {
    pub(super) fn new(url: &str, broker: Option<&Broker>, number: usize) -> Self {
        let (relay, url) = Relay::before(url);
        let clock = FakeClock::ahead_by(0);
        let mail = broker.map(|broker| Relay::before(&broker.url()));
        let mut env = mail.as_ref().zip(broker).map(|((_, url), broker)| broker.env(url)).unwrap_or_default();
        env.push(("TEST_NODE", format!("worker{number}@test")));
        Self {
            relay,
            mail: mail.map(|(relay, _)| relay),
            broker: env,
            clock,
            started: 0,
            url,
            process: None,
            read: 0,
            up: false,
            frozen: false,
            held: BTreeSet::new(),
            before: Vec::new(),
        }
    }

    /// Starts a process where there is none; returns what the last one took along.
    pub(super) fn revive(&mut self) -> BTreeSet<String> {
        if self.process.as_ref().is_some_and(|process| process.exited().is_none()) {
            return BTreeSet::new();
        }
        // What it answered before it ended counts.
        let lost = if self.process.is_some() { std::mem::take(&mut self.held) } else { BTreeSet::new() };
        self.before.extend(self.process.iter().flat_map(Proc::lines));
        let clock = self.clock.env();
        let mut env = vec![("TEST_DB", &self.url[..]), ("BEAT_MS", BEAT_MS), ("TTL_MS", TTL_MS), ("RUST_LOG", "warn")];
        env.extend(clock.iter().chain(&self.broker).map(|(name, value)| (*name, &value[..])));
        self.process = Some(Proc::rerun("fleet::a_worker", "worker", &env));
        (self.read, self.up, self.frozen) = (0, false, false);
        self.started += 1;
        lost
    }

    /// What it has answered since: the task, whether it succeeded, and the whole line.
    pub(super) fn answers(&mut self) -> Vec<(String, bool, String)> {
        let Some(process) = &self.process else { return Vec::new() };
        let lines = process.lines_from(self.read);
        self.read += lines.len();
        self.up |= lines.iter().any(|line| line.contains("READY"));
        let answer = |line: String| {
            let value: Value = serde_json::from_str(line.strip_prefix("{\"id\"").map(|_| &line[..])?).ok()?;
            Some((value["id"].as_str()?.to_owned(), value["status"] == "SUCCESS", line))
        };
        lines.into_iter().filter_map(answer).collect()
    }

    pub(super) fn has_room(&self, prefetch: usize) -> bool {
        self.up && !self.frozen && self.held.len() < prefetch
    }

    pub(super) fn deliver(&mut self, id: &str, line: &str) -> bool {
        let taken = self.process.as_ref().is_some_and(|process| process.offer_line(line));
        if taken {
            self.held.insert(id.to_owned());
        }
        taken
    }

    pub(super) fn settled(&mut self, id: &str) {
        self.held.remove(id);
    }

    pub(super) fn kill(&self) {
        self.process.iter().for_each(Proc::kill);
    }

    /// Its input ends, and it is told to stop where it has none: it finishes what it has, and leaves.
    pub(super) fn drain(&mut self) {
        self.process.iter().for_each(Proc::close_stdin);
        if self.mail.is_some() {
            self.process.iter().for_each(Proc::terminate);
        }
        self.up = false;
    }

    pub(super) fn freeze(&mut self) {
        self.process.iter().for_each(Proc::stop);
        self.frozen = true;
    }

    pub(super) fn thaw(&mut self) {
        self.process.iter().for_each(Proc::cont);
        self.frozen = false;
    }

    pub(super) fn wait_for_line(&self, pattern: &str) {
        self.process.as_ref().expect("it was started").wait_for_line(pattern, PATIENCE);
    }

    /// What any of its processes said of a task.
    pub(super) fn said_of(&self, id: &str) -> Vec<String> {
        let now = self.process.as_ref().map(Proc::lines).unwrap_or_default();
        self.before.iter().chain(&now).filter(|line| line.contains(&format!("task.id={id} "))).cloned().collect()
    }

    pub(super) fn story(&self) -> String {
        let lines = self.process.as_ref().map(Proc::lines).unwrap_or_default();
        let last: Vec<_> = lines.iter().rev().filter(|line| !line.starts_with('{') && !line.starts_with("SPEAKING")).take(12).collect();
        format!("up {} frozen {} holds {:?}; it said last {last:#?}", self.up, self.frozen, self.held)
    }
}
