//! Whatever happens in whatever order: workers that are taken for gone while they live, connections that break while they
//! commit, claims handed back and rescued. Each seed is one history; a broken rule must show in some of them.

use std::collections::BTreeSet;

use viva_core::claim::{Claim, End, Taken, WorkerId};
use viva_core::store::{Letter, Relayed, Store, Vitals, Waiter};
use viva_core::task::SYNTHESIZE;
use viva_core::{Digest, Outcome, TaskMessage};
use viva_testkit::FaultPlan;

use super::Database;
use super::claims::RHYTHM;
use super::fixture::clip;

const STEPS: usize = 40;

/// The rules that a worker keeps, or one of them broken.
#[derive(Clone, Copy, PartialEq)]
enum Rules {
    Kept,
    /// It commits although its claim was lost.
    NoEpochCheck,
    /// It computes without looking again after it took the claim.
    NoSecondLook,
}

/// What a worker is about to do with its task.
enum Doing {
    Nothing,
    Take,
    Compute(Claim),
    Settle(Claim, bool),
}

struct Worker {
    id: WorkerId,
    task: String,
    doing: Doing,
}

struct World {
    store: Store,
    rules: Rules,
    plan: FaultPlan,
    workers: Vec<Worker>,
    epoch: i64,
    asked: BTreeSet<String>,
    answered: BTreeSet<String>,
    /// Tasks whose process was lost: their broker delivers them again.
    redelivered: Vec<String>,
    stored: u32,
}

/// Histories on each kind of database. `VIVA_TEST_HISTORIES=250` takes five minutes.
fn histories() -> u64 {
    std::env::var("VIVA_TEST_HISTORIES").map_or(30, |number| number.parse().unwrap())
}

fn computation() -> Digest {
    clip("a question", b"").computation
}

fn message(id: &str) -> TaskMessage {
    TaskMessage { id: id.to_owned(), ..TaskMessage::new(SYNTHESIZE, Vec::new(), serde_json::Map::new()) }
}

impl World {
    async fn new(store: &Store, rules: Rules, seed: u64) -> Self {
        let plan = FaultPlan::with_seed("interleave", seed);
        let (asked, answered) = (BTreeSet::new(), BTreeSet::new());
        let mut world =
            Self { store: store.clone(), rules, plan, workers: vec![], epoch: 0, asked, answered, redelivered: vec![], stored: 0 };
        for _ in 0..3 {
            let id = world.join().await;
            world.workers.push(Worker { id, task: String::new(), doing: Doing::Nothing });
        }
        world
    }

    async fn join(&self) -> WorkerId {
        let id = WorkerId::new();
        let unit = self.store.write().await.unwrap();
        unit.worker_sessions().start(&id, "test", RHYTHM).await.unwrap();
        unit.commit().await.unwrap();
        id
    }

    /// One step of a worker on its way; a worker without a task gets one.
    async fn work(&mut self, at: usize, fault: &str) {
        match std::mem::replace(&mut self.workers[at].doing, Doing::Nothing) {
            Doing::Nothing => {
                let fresh = format!("t{}", self.asked.len());
                let task = self.redelivered.pop().unwrap_or(fresh);
                self.asked.insert(task.clone());
                self.workers[at].task = task;
                // Workers do the one, unless something stands in front of the claims, and then the other.
                if self.rules == Rules::Kept && self.asked.len().is_multiple_of(2) { self.arrive(at).await } else { self.look(at).await }
            }
            Doing::Take => self.take(at).await,
            Doing::Compute(claim) => {
                let again = self.rules != Rules::NoSecondLook && self.found().await;
                self.workers[at].doing = Doing::Settle(claim, again);
            }
            Doing::Settle(claim, cached) => self.settle(at, claim, cached, fault).await,
        }
    }

    async fn found(&self) -> bool {
        let unit = self.store.read().await.unwrap();
        unit.speech_clips().find(&computation()).await.unwrap().is_some()
    }

    async fn look(&mut self, at: usize) {
        if self.found().await {
            self.answered.insert(self.workers[at].task.clone());
        } else {
            self.workers[at].doing = Doing::Take;
        }
    }

    /// Takes the claim where nobody is or was at it, and looks, in one unit of work: no second look follows.
    async fn arrive(&mut self, at: usize) {
        let Worker { id, task, .. } = &self.workers[at];
        let unit = self.store.write().await.unwrap();
        let (_, claim) = unit.claims().arrive(&computation(), id, task).await.unwrap();
        let found = unit.speech_clips().find(&computation()).await.unwrap().is_some();
        unit.commit().await.unwrap();
        let doing = match claim {
            Some(claim) => {
                assert!(claim.epoch > self.epoch, "epoch {} after {}", claim.epoch, self.epoch);
                self.epoch = claim.epoch;
                Doing::Settle(claim, found)
            }
            None if found => {
                self.answered.insert(task.clone());
                Doing::Nothing
            }
            None => Doing::Take,
        };
        self.workers[at].doing = doing;
    }

    async fn take(&mut self, at: usize) {
        let Worker { id, task, .. } = &self.workers[at];
        let unit = self.store.write().await.unwrap();
        let doing = match unit.claims().take(&computation(), id).await.unwrap() {
            Taken::Ours(claim) => {
                assert!(claim.epoch > self.epoch, "epoch {} after {}", claim.epoch, self.epoch);
                self.epoch = claim.epoch;
                Doing::Compute(claim)
            }
            Taken::Held => {
                let waiter = Waiter { worker: id.clone(), seen: 0, message: message(task) };
                assert!(unit.waiters().add(&computation(), &waiter).await.unwrap());
                Doing::Nothing
            }
        };
        unit.commit().await.unwrap();
        self.workers[at].doing = doing;
    }

    async fn settle(&mut self, at: usize, claim: Claim, cached: bool, fault: &str) {
        let unit = self.store.write().await.unwrap();
        let mine = unit.claims().end(&claim, End::Settled).await.unwrap();
        if !mine && self.rules != Rules::NoEpochCheck {
            drop(unit);
            return self.look(at).await;
        }
        if !cached {
            unit.speech_clips().record(&clip("a question", claim.worker.as_str().as_bytes())).await.unwrap();
        }
        let waiters = unit.waiters().take_all(&computation()).await.unwrap();
        let reply = |waiter: &Waiter| Letter::Reply { to: waiter.message.clone(), outcome: Outcome::Success(1.into()) };
        let letters: Vec<_> = waiters.iter().map(|waiter| (Relayed::By(&waiter.worker), reply(waiter))).collect();
        unit.outbox().post(&letters).await.unwrap();
        if fault == "lost before the commit" {
            drop(unit);
            self.workers[at].doing = Doing::Settle(claim, cached);
            return;
        }
        unit.commit().await.unwrap();
        self.stored += u32::from(!cached);
        // The connection broke after the commit: it does not know, and looks.
        if fault == "lost after the commit" {
            return self.look(at).await;
        }
        self.answered.insert(self.workers[at].task.clone());
    }

    /// It gives its claim back before it is done, if it has one.
    async fn hand_back(&mut self, at: usize) {
        let (Doing::Compute(claim) | Doing::Settle(claim, _)) = std::mem::replace(&mut self.workers[at].doing, Doing::Nothing) else {
            return self.redeliver(at);
        };
        let unit = self.store.write().await.unwrap();
        if unit.claims().end(&claim, End::HandedBack).await.unwrap()
            && let Some(waiter) = unit.waiters().first(&computation()).await.unwrap()
        {
            unit.outbox().post(&[(Relayed::ByAny, Letter::Task { message: waiter.message })]).await.unwrap();
        }
        unit.commit().await.unwrap();
        self.redeliver(at);
    }

    fn redeliver(&mut self, at: usize) {
        let task = std::mem::take(&mut self.workers[at].task);
        if !task.is_empty() && !self.answered.contains(&task) {
            self.redelivered.push(task);
        }
    }

    /// It is declared gone, rightly or not; and if it stops at that, another process starts in its place.
    async fn lose(&mut self, at: usize, stops: bool) {
        let unit = self.store.write().await.unwrap();
        unit.worker_sessions().end(&self.workers[at].id).await.unwrap();
        unit.commit().await.unwrap();
        if stops {
            self.redeliver(at);
            self.workers[at] = Worker { id: self.join().await, task: String::new(), doing: Doing::Nothing };
        }
    }

    /// Takes up what gone workers left, and publishes what is due.
    async fn keep(&mut self, at: usize) {
        let id = self.workers[at].id.clone();
        let unit = self.store.write().await.unwrap();
        if !unit.worker_sessions().beat(&id, &Vitals::default()).await.unwrap() {
            drop(unit);
            return self.lose(at, true).await;
        }
        for rescued in unit.claims().rescue(&id).await.unwrap() {
            if let Some(waiter) = unit.waiters().first(&rescued).await.unwrap() {
                unit.outbox().post(&[(Relayed::By(&id), Letter::Task { message: waiter.message })]).await.unwrap();
            }
        }
        unit.outbox().adopt(&id).await.unwrap();
        let due = unit.outbox().due(&id, 100).await.unwrap();
        unit.outbox().remove(&due.iter().map(|posted| posted.id).collect::<Vec<_>>()).await.unwrap();
        unit.commit().await.unwrap();
        for posted in due {
            match posted.letter {
                Letter::Reply { to, .. } => {
                    self.answered.insert(to.id);
                }
                Letter::Task { message } => self.redelivered.push(message.id),
            }
        }
    }

    async fn step(&mut self) {
        let at = self.plan.between(0..3) as usize;
        match *self.plan.pick(&[
            "work",
            "work",
            "work",
            "work",
            "keep",
            "hand back",
            "gone",
            "stop",
            "lost before the commit",
            "lost after the commit",
        ]) {
            "keep" => self.keep(at).await,
            "hand back" => self.hand_back(at).await,
            "gone" => self.lose(at, false).await,
            "stop" => self.lose(at, true).await,
            fault => self.work(at, fault).await,
        }
    }

    /// Lets everything come to its end without further faults.
    async fn quiesce(&mut self) {
        for _ in 0..60 {
            for at in 0..3 {
                self.keep(at).await;
                if !matches!(self.workers[at].doing, Doing::Nothing) || !self.redelivered.is_empty() {
                    self.work(at, "").await;
                }
            }
        }
    }
}

/// Plays one history; what went wrong in it, if anything.
async fn play(store: &Store, rules: Rules, seed: u64) -> Option<String> {
    let mut world = World::new(store, rules, seed).await;
    for _ in 0..STEPS {
        world.step().await;
    }
    if rules == Rules::Kept {
        world.quiesce().await;
        let forgotten: Vec<_> = world.asked.difference(&world.answered).collect();
        if !forgotten.is_empty() {
            return Some(format!("seed {seed}: nobody answered {forgotten:?}"));
        }
    }
    (world.stored > 1).then(|| format!("seed {seed}: stored {} times", world.stored))
}

/// Empties what a history left.
async fn clean(database: &Database) {
    use sea_orm::ConnectionTrait as _;
    let raw = database.raw().await;
    for table in ["worker_sessions", "claims", "waiters", "outbox", "speech_clips"] {
        raw.execute_unprepared(&format!("DELETE FROM {table}")).await.unwrap();
    }
    raw.close().await.unwrap();
}

pub async fn the_rules_hold_in_every_history(database: Database) {
    let store = database.store().await;
    for seed in 0..histories() {
        assert_eq!(play(&store, Rules::Kept, seed).await, None);
        clean(&database).await;
    }
}

/// Searches until a history shows it: rarely the first, never the five hundredth.
pub async fn a_broken_rule_is_caught(database: Database) {
    let store = database.store().await;
    for (broken, name) in [(Rules::NoEpochCheck, "no epoch check"), (Rules::NoSecondLook, "no second look")] {
        let mut seeds = 0..500;
        let caught = loop {
            let Some(seed) = seeds.next() else { panic!("{name}: no history shows it") };
            let caught = play(&store, broken, seed).await;
            clean(&database).await;
            if caught.is_some() {
                break caught;
            }
        };
        println!("{name}: {}", caught.unwrap_or_default());
    }
}
