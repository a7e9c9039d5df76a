//! The rules of claims as a machine of states, explored in every order of events: two workers, one rescuer, processes that are
//! killed and started again, messages that are lost. Time is left out: whoever takes no step is paused, for as long as the others
//! like, and whoever stands still may be declared gone at any moment; so what holds here holds for any clocks and any pauses.

use std::collections::BTreeSet;

use stateright::{Checker, HasDiscoveries, Model, Property};

const WORKERS: usize = 2;
/// How far each count goes: enough for every rule to be needed twice.
const MAX_STARTS: u8 = 4;
const MAX_BEATS: u8 = 1;
const MAX_ATTEMPTS: u8 = 2;
const MAX_EPOCH: u8 = 4;

/// The rules, or one of them dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Kept,
    /// A commit does not look at its epoch.
    NoEpochCheck,
    /// The result is not looked for again once the claim is taken.
    NoSecondLook,
    /// A verdict stands although the counter has moved.
    NoCompareAndSet,
    /// Attempts are counted at their end: a killed one is not.
    CountedAtTheEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Claim {
    Open,
    Running(u8),
    Settled,
}

/// A session: one start of one process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Session {
    live: bool,
    beat: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Doing {
    Nothing,
    Computing(u8),
    /// It has a result, and the right that it believes in.
    Computed(u8),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Worker {
    session: u8,
    doing: Doing,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    // The database.
    claim: Claim,
    epoch: u8,
    attempts: u8,
    result: bool,
    sessions: Vec<Session>,
    // The processes.
    workers: [Worker; WORKERS],
    /// What the rescuer saw: a session's counter.
    seen: Option<(u8, u8)>,
    // What happened, to judge by.
    stored: u8,
    started: u8,
    witness: Witness,
}

/// What must not have happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Witness {
    stale_commit: bool,
    began_too_often: bool,
    robbed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Take(usize),
    Compute(usize),
    Commit(usize),
    /// It is committed, and the answer lost.
    CommitUnheard(usize),
    /// The request is lost.
    CommitLost(usize),
    HandBack(usize),
    Beat(usize),
    /// SIGKILL, and another process in its place.
    Kill(usize),
    See(u8),
    Declare,
    Rescue,
}

struct Fleet(Rules);

impl State {
    fn start(&mut self) -> u8 {
        self.sessions.push(Session { live: true, beat: 0 });
        self.sessions.len() as u8 - 1
    }

    fn settle(&mut self, rules: Rules, at: usize, epoch: u8) {
        let mine = self.claim == Claim::Running(self.workers[at].session) && self.epoch == epoch;
        if !mine && rules != Rules::NoEpochCheck {
            return;
        }
        self.witness.stale_commit |= !mine;
        self.claim = Claim::Settled;
        self.stored += 1;
        self.result = true;
    }

    /// Takes the claim if nobody holds it; finds the result that was stored meanwhile.
    fn take(&mut self, rules: Rules, at: usize) {
        self.attempts = match self.claim {
            Claim::Running(_) => return,
            Claim::Open if rules == Rules::CountedAtTheEnd => self.attempts,
            Claim::Open => self.attempts + 1,
            Claim::Settled => 1,
        };
        self.epoch += 1;
        self.started += 1;
        if self.attempts > MAX_ATTEMPTS {
            // It was begun too often: set aside, and everybody told.
            self.claim = Claim::Settled;
            self.result = true;
        } else if self.result && rules != Rules::NoSecondLook {
            self.claim = Claim::Settled;
        } else {
            self.claim = Claim::Running(self.workers[at].session);
            self.witness.began_too_often |= self.started > MAX_ATTEMPTS && !self.result;
            self.workers[at].doing = Doing::Computing(self.epoch);
        }
    }

    /// False if it was declared gone: then it stops, and another process starts.
    fn beat(&mut self, at: usize) -> bool {
        let session = &mut self.sessions[self.workers[at].session as usize];
        if session.live {
            session.beat = (session.beat + 1).min(MAX_BEATS);
        }
        session.live
    }

    fn declare(&mut self, rules: Rules) {
        let Some((session, beat)) = self.seen.take() else { return };
        let moved = self.sessions[session as usize].beat != beat;
        if !self.sessions[session as usize].live || (moved && rules != Rules::NoCompareAndSet) {
            return;
        }
        self.witness.robbed |= moved;
        self.sessions[session as usize].live = false;
    }

    fn rescue(&mut self) {
        if let Claim::Running(session) = self.claim
            && !self.sessions[session as usize].live
        {
            self.claim = Claim::Open;
        }
    }

    /// What becomes of it once the faults have stopped: everybody wakes, the gone are noticed, and the work is done.
    fn ends(&self, rules: Rules) -> bool {
        let mut state = self.clone();
        let current: BTreeSet<u8> = state.workers.iter().map(|worker| worker.session).collect();
        for (number, session) in state.sessions.iter_mut().enumerate() {
            session.live &= current.contains(&(number as u8));
        }
        state.rescue();
        for at in 0..WORKERS {
            if !state.beat(at) {
                (state.workers[at].session, state.workers[at].doing) = (state.start(), Doing::Nothing);
            }
        }
        state.rescue();
        for at in [0, 1, 0] {
            if let Doing::Computing(epoch) | Doing::Computed(epoch) = state.workers[at].doing {
                state.settle(rules, at, epoch);
                state.workers[at].doing = Doing::Nothing;
            }
            if !state.result {
                state.take(rules, at);
            }
        }
        for at in 0..WORKERS {
            if let Doing::Computing(epoch) | Doing::Computed(epoch) = state.workers[at].doing {
                state.settle(rules, at, epoch);
            }
        }
        state.result && state.claim == Claim::Settled
    }
}

impl Model for Fleet {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let worker = |session| Worker { session, doing: Doing::Nothing };
        vec![State {
            claim: Claim::Settled,
            epoch: 0,
            attempts: 0,
            result: false,
            sessions: vec![Session { live: true, beat: 0 }; WORKERS],
            workers: [worker(0), worker(1)],
            seen: None,
            stored: 0,
            started: 0,
            witness: Witness::default(),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for at in 0..WORKERS {
            let worker = &state.workers[at];
            if state.sessions.len() < MAX_STARTS as usize {
                actions.push(Action::Kill(at));
            }
            actions.push(Action::Beat(at));
            match worker.doing {
                Doing::Nothing => actions.push(Action::Take(at)),
                Doing::Computing(_) => actions.extend([Action::Compute(at), Action::HandBack(at)]),
                Doing::Computed(_) => actions.extend([Action::Commit(at), Action::CommitUnheard(at), Action::CommitLost(at)]),
            }
        }
        let live = state.sessions.iter().enumerate().filter(|(_, session)| session.live);
        actions.extend(live.map(|(number, _)| Action::See(number as u8)));
        actions.extend([Action::Declare, Action::Rescue]);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let (rules, mut state) = (self.0, last.clone());
        match action {
            Action::Take(at) => state.take(rules, at),
            Action::Compute(at) => {
                if let Doing::Computing(epoch) = state.workers[at].doing {
                    state.workers[at].doing = Doing::Computed(epoch);
                }
            }
            Action::Commit(at) | Action::CommitUnheard(at) => {
                if let Doing::Computed(epoch) = state.workers[at].doing {
                    state.settle(rules, at, epoch);
                }
                // Heard or not, it looks for the result, and does not compute again if it is there.
                state.workers[at].doing = Doing::Nothing;
            }
            // It is tried again.
            Action::CommitLost(_) => {}
            Action::HandBack(at) => {
                if let Doing::Computing(epoch) = state.workers[at].doing
                    && state.claim == Claim::Running(state.workers[at].session)
                    && state.epoch == epoch
                {
                    (state.claim, state.attempts) = (Claim::Open, state.attempts.saturating_sub(1));
                    state.started -= 1;
                }
                state.workers[at].doing = Doing::Nothing;
            }
            Action::Beat(at) => {
                if !state.beat(at) {
                    if state.sessions.len() >= MAX_STARTS as usize {
                        return None;
                    }
                    (state.workers[at].session, state.workers[at].doing) = (state.start(), Doing::Nothing);
                }
            }
            Action::Kill(at) => state.workers[at] = Worker { session: state.start(), doing: Doing::Nothing },
            Action::See(session) => state.seen = Some((session, state.sessions[session as usize].beat)),
            Action::Declare => state.declare(rules),
            Action::Rescue => state.rescue(),
        }
        (state != *last).then_some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.epoch <= MAX_EPOCH
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a result is stored once", |_, state: &State| state.stored <= 1),
            Property::always("no stale commit is accepted", |_, state: &State| !state.witness.stale_commit),
            Property::always("whoever beats is not robbed", |_, state: &State| !state.witness.robbed),
            Property::always("attempts come to an end, killed ones too", |_, state: &State| !state.witness.began_too_often),
            Property::always("no right is newer than the claim", |_, state: &State| {
                state.workers.iter().all(|worker| match worker.doing {
                    Doing::Nothing => true,
                    Doing::Computing(epoch) | Doing::Computed(epoch) => epoch <= state.epoch,
                })
            }),
            Property::always("it ends once the faults stop", |fleet: &Self, state: &State| state.ends(fleet.0)),
            Property::sometimes("a worker that was declared gone wakes with a result", |_, state: &State| {
                let late = |worker: &Worker| matches!(worker.doing, Doing::Computed(_)) && !state.sessions[worker.session as usize].live;
                state.workers.iter().any(late)
            }),
            Property::sometimes("the work is done", |_, state: &State| state.result),
        ]
    }
}

#[test]
fn the_rules_of_claims_hold_in_every_order_of_events() {
    let checker = Fleet(Rules::Kept).checker().spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    checker.assert_properties();
    assert!(checker.unique_state_count() > 100_000, "the model is not explored");
}

#[test]
fn each_rule_is_needed_and_its_absence_is_found() {
    let cases = [
        (Rules::NoEpochCheck, "no stale commit is accepted"),
        (Rules::NoSecondLook, "a result is stored once"),
        (Rules::NoCompareAndSet, "whoever beats is not robbed"),
        (Rules::CountedAtTheEnd, "attempts come to an end, killed ones too"),
    ];
    for (rules, expected) in cases {
        let found = HasDiscoveries::AllOf([expected].into());
        let checker = Fleet(rules).checker().finish_when(found).spawn_bfs().join();
        let path = checker.discovery(expected);
        assert!(path.is_some(), "{rules:?} breaks nothing");
        println!("{rules:?}: {} states until it was found", checker.unique_state_count());
    }
}
