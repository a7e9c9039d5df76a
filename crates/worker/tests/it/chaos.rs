//! Everything at once: worker processes that are killed, frozen and thawed, cut off in silence and with a bang, whose clocks jump,
//! over a database that crashes and restarts. Whatever happens, every task ends, once in effect.
//!
//! The seed decides the tasks and the faults, not what the machine does between two of them. `VIVA_SEED` repeats a plan;
//! `VIVA_TEST_CHAOS_S=600 VIVA_TEST_CHAOS_TASKS=10000` is the whole. Once the test is the broker, which delivers again what a dead
//! worker had, and now and then twice what a living one has; once a RabbitMQ is, and restarts with the rest.

mod broker;
mod ledger;
mod slot;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use viva_testkit::{Direction, FaultPlan, Mode, Postgres, eventually};

use crate::fleet::{PATIENCE, Place, line};
use broker::Broker;
use ledger::Ledger;
use slot::Slot;

const WORKERS: usize = 4;
/// Deliveries that a worker holds.
const PREFETCH: usize = 16;
/// How long the last tasks may take once the faults have stopped: a time to live, and what the worst backoff adds.
const QUIET: Duration = Duration::from_mins(2);

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// What is to be healed when.
enum Heal {
    Thaw(usize),
    Open(usize),
}

/// A task of the mix.
struct Task {
    text: String,
    question: i32,
}

struct Chaos {
    plan: FaultPlan,
    /// Where tasks go in; the test itself without.
    broker: Option<Broker>,
    postgres: Postgres,
    place: Place,
    slots: Vec<Slot>,
    heals: Vec<(Instant, Heal)>,
    /// To be delivered, by task id.
    ready: VecDeque<String>,
    tasks: BTreeMap<String, Task>,
    /// Published at the broker, and not answered yet.
    open: BTreeSet<String>,
    answered: BTreeMap<String, u32>,
    failures: Vec<String>,
    faults: BTreeMap<&'static str, u32>,
}

impl Chaos {
    fn new(plan: FaultPlan, broker: Option<Broker>) -> Self {
        let postgres = Postgres::start();
        let place = Place::at(&postgres.database());
        Ledger::keep(&postgres, &place.url);
        let slots = (0..WORKERS).map(|at| Slot::new(&place.url, broker.as_ref(), at)).collect();
        let (heals, ready, tasks, open) = (Vec::new(), VecDeque::new(), BTreeMap::new(), BTreeSet::new());
        let (answered, failures, faults) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        Self { plan, broker, postgres, place, slots, heals, ready, tasks, open, answered, failures, faults }
    }

    /// A task of the mix: texts that others ask for too, questions that are edited.
    fn publish(&mut self, number: u64, of: u64) -> (String, i32) {
        let text = self.plan.between(0..of / 2 + 1);
        // A text always takes the same time; some take long, so that faults find them at work.
        let takes = if text.is_multiple_of(6) { 400 + text * 53 % 3000 } else { 5 + text * 37 % 80 };
        let question = self.plan.between(0..of / 5 + 1) as i32;
        let id = format!("t{number}");
        self.tasks.insert(id.clone(), Task { text: format!("sleep {takes} text {text}"), question });
        self.ready.push_back(id.clone());
        (id, question)
    }

    fn turn(&mut self) {
        match self.broker.take() {
            Some(mut broker) => {
                self.turn_at(&mut broker);
                self.broker = Some(broker);
            }
            None => self.turn_by_hand(),
        }
    }

    /// Publishes what is new or has failed, and takes the outcomes. Who gets it, and again when, is the broker's business.
    fn turn_at(&mut self, broker: &mut Broker) {
        self.slots.iter_mut().for_each(|slot| drop(slot.revive()));
        while let Some(id) = self.ready.pop_front() {
            if !broker.publish(&id, &self.tasks[&id]) {
                self.ready.push_front(id);
                break;
            }
            self.open.insert(id);
        }
        let open: Vec<_> = self.open.iter().cloned().collect();
        for (id, (success, said)) in broker.outcomes(&open) {
            self.open.remove(&id);
            if success {
                *self.answered.entry(id).or_default() += 1;
            } else {
                self.failures.push(said);
                broker.forget(&id);
                self.ready.push_back(id);
            }
        }
    }

    /// Gives the workers what they have room for, and takes their answers.
    fn turn_by_hand(&mut self) {
        for at in 0..WORKERS {
            let lost = self.slots[at].revive();
            // The broker notices at once that a connection has ended.
            lost.into_iter().filter(|id| !self.answered.contains_key(id)).for_each(|id| self.ready.push_front(id));
            for (id, success, said) in self.slots[at].answers() {
                self.slots.iter_mut().for_each(|slot| slot.settled(&id));
                if success {
                    *self.answered.entry(id).or_default() += 1;
                } else {
                    self.failures.push(said);
                    self.ready.push_back(id);
                }
            }
        }
        for at in 0..WORKERS {
            while self.slots[at].has_room(PREFETCH) {
                let Some(id) = self.ready.pop_front() else { return };
                if self.answered.contains_key(&id) {
                    continue;
                }
                let Task { text, question } = &self.tasks[&id];
                if !self.slots[at].deliver(&id, &line(&id, text, *question)) {
                    self.ready.push_front(id);
                    break;
                }
                if self.plan.chance(0.03) {
                    self.ready.push_back(id);
                }
            }
        }
    }

    fn fault(&mut self, now: Instant) {
        let at = self.plan.between(0..WORKERS as u64) as usize;
        let mut kinds =
            vec!["kill", "kill", "freeze", "freeze", "cut", "cut", "silence", "silence", "clock", "clock", "drain", "backend", "database"];
        if self.broker.is_some() {
            kinds.extend(["broker", "broker relay", "broker relay"]);
        }
        let kind = *self.plan.pick(&kinds);
        // Drawn whatever the kind is, so that the plan does not hang on what came before.
        let (until, direction) = (self.plan.delay(&(Duration::from_millis(200)..Duration::from_secs(7))), self.plan.between(0..3));
        let (seconds, crash) = (self.plan.between(0..7200) as i64 - 3600, self.plan.chance(0.5));
        *self.faults.entry(kind).or_default() += 1;
        let slot = &mut self.slots[at];
        match kind {
            "kill" => slot.kill(),
            "drain" => slot.drain(),
            "freeze" => {
                slot.freeze();
                self.heals.push((now + until, Heal::Thaw(at)));
            }
            "broker" => {
                let rabbit = &self.broker.as_ref().expect("only where there is one").rabbit;
                if crash {
                    rabbit.kill();
                    rabbit.start_again();
                } else {
                    rabbit.restart();
                }
            }
            "broker relay" => slot.mail.as_ref().expect("only where there is a broker").cut_all(),
            "cut" => slot.relay.cut_all(),
            "silence" => {
                let direction = [Direction::Up, Direction::Down, Direction::Both][direction as usize];
                slot.relay.set(direction, Mode::Blackhole);
                self.heals.push((now + until, Heal::Open(at)));
            }
            "clock" => slot.clock.jump_to(seconds),
            "backend" => {
                let sql =
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'viva' ORDER BY random() LIMIT 3";
                self.postgres.sql(&self.place.url, sql);
            }
            _ if crash => {
                self.postgres.crash();
                self.postgres.start_again();
            }
            _ => self.postgres.restart(),
        }
    }

    fn heal(&mut self, now: Instant) {
        let due = self.heals.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>();
        for (_, heal) in due {
            match heal {
                Heal::Thaw(at) => self.slots[at].thaw(),
                Heal::Open(at) => self.slots[at].relay.heal(),
            }
        }
    }
}

fn breath() {
    std::thread::sleep(Duration::from_millis(10));
}

#[test]
fn whatever_happens_every_task_ends_once() {
    play(Chaos::new(FaultPlan::from_env("chaos"), None));
}

#[test]
fn whatever_happens_every_task_ends_once_over_a_broker() {
    play(Chaos::new(FaultPlan::from_env("chaos over a broker"), Some(Broker::start())));
}

/// F12: what a worker whose clock is an hour ahead has tried again is due after its delay, wherever it is taken up.
#[test]
fn a_retry_waits_for_a_length_of_time_under_every_clock() {
    let (mut broker, place) = (Broker::start(), Place::new("postgres"));
    let mut ahead = Slot::new(&place.url, Some(&broker), 0);
    ahead.clock.jump_to(3600);
    drop(ahead.revive());
    // Memory runs out once in each process.
    assert!(broker.publish("t", &Task { text: "memory t".to_owned(), question: 1 }));
    ahead.wait_for_line("the task will be tried again");
    let mut right = Slot::new(&place.url, Some(&broker), 1);
    drop(right.revive());
    right.wait_for_line("READY");
    ahead.kill();
    let asked = ["t".to_owned()];
    eventually("the other worker answers", PATIENCE, || broker.outcomes(&asked).get("t").is_some_and(|(success, _)| *success));
}

fn play(mut chaos: Chaos) {
    let (seconds, tasks) = (setting("VIVA_TEST_CHAOS_S", 60), setting("VIVA_TEST_CHAOS_TASKS", 1000));
    let begun = Instant::now();
    let storm = Duration::from_secs(seconds);
    let (mut published, mut asked, mut next_fault) = (0, Vec::new(), begun + Duration::from_secs(3));
    while begun.elapsed() < storm {
        let due = (begun.elapsed().as_secs_f64() / storm.as_secs_f64() * tasks as f64) as u64;
        while published < due.min(tasks) {
            asked.push(chaos.publish(published, tasks));
            published += 1;
        }
        let now = Instant::now();
        if now >= next_fault {
            chaos.fault(now);
            next_fault = now + chaos.plan.delay(&(Duration::from_millis(200)..Duration::from_millis(2500)));
        }
        chaos.heal(now);
        chaos.turn();
        breath();
    }
    while published < tasks {
        asked.push(chaos.publish(published, tasks));
        published += 1;
    }
    chaos.heal(Instant::now() + Duration::from_hours(1));
    let quiet = Instant::now();
    while chaos.answered.len() < asked.len() {
        assert!(quiet.elapsed() < QUIET, "stuck: {}", chaos.stuck(&asked));
        chaos.turn();
        breath();
    }
    let ended_after = quiet.elapsed();
    Ledger::settle(&chaos.postgres, &chaos.place.url, QUIET, || {
        chaos.slots.iter_mut().for_each(|slot| drop(slot.revive()));
    });
    Ledger::check(&chaos.postgres, &chaos.place.url, &asked);
    println!(
        "{tasks} tasks in {seconds} s of faults {:?}; the last one ended {} ms after the faults; {} answers were repeated, {} were failures to be asked again; \
         {} processes were started; {}",
        chaos.faults,
        ended_after.as_millis(),
        chaos.answered.values().map(|times| times - 1).sum::<u32>(),
        chaos.failures.len(),
        chaos.slots.iter().map(|slot| slot.started).sum::<u32>(),
        Ledger::told(&chaos.postgres, &chaos.place.url),
    );
}

impl Chaos {
    fn stuck(&self, asked: &[(String, i32)]) -> String {
        let open: Vec<_> = asked.iter().map(|(id, _)| id).filter(|id| !self.answered.contains_key(*id)).collect();
        let rows = |sql| self.postgres.sql(&self.place.url, sql);
        let list = ["list_queues", "name", "messages_ready", "messages_unacknowledged", "consumers"];
        let queues = self.broker.as_ref().map(|broker| broker.rabbit.ctl(&list));
        for id in &open {
            let said: Vec<_> = self.slots.iter().flat_map(|slot| slot.said_of(id)).collect();
            let seen = self.postgres.sql(&self.place.url, &format!("SELECT seen FROM arrivals WHERE task_id = '{id}'"));
            eprintln!("{id}: arrived {seen:?}; {said:#?}");
        }
        let held: Vec<_> = self.slots.iter().map(Slot::story).collect();
        format!(
            "{} tasks, such as {:?}; queues {queues:?}; ready {:?}; claims:\n{}\nwaiters:\n{}\noutbox:\n{}\nsessions:\n{}\nworkers:\n{}",
            open.len(),
            open.iter().take(5).collect::<Vec<_>>(),
            self.ready.iter().take(5).collect::<Vec<_>>(),
            rows("SELECT * FROM claims WHERE state <> 'settled'"),
            rows("SELECT id, computation, task_id, worker FROM waiters LIMIT 20"),
            rows("SELECT id, worker, ordering_key FROM outbox LIMIT 20"),
            rows("SELECT id, state, beat FROM worker_sessions WHERE state = 'live'"),
            held.join("\n"),
        )
    }
}
