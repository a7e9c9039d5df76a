use std::collections::HashMap;
use std::time::Duration;

use super::Rhythm;
use crate::claim::WorkerId;
use crate::clock::Moment;

/// How many looks must find the same counter before it counts as standing.
const LOOKS: u32 = 3;

/// A worker as one look finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sign {
    /// Who.
    pub id: WorkerId,
    /// Its counter.
    pub beat: i64,
    /// How it beats, by its own word.
    pub rhythm: Rhythm,
    /// The lock that its process holds while it runs.
    pub lock: Lock,
}

/// A worker's lock as one look finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Somebody holds it: the process runs, as far as its connection tells.
    Held,
    /// Nobody does: the process has ended, or its connection has.
    Free,
    /// This worker takes none, as those of the version before.
    None,
}

/// A worker that is to be declared gone, unless its counter moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Who.
    pub id: WorkerId,
    /// Where its counter stands.
    pub beat: i64,
    /// What speaks against it.
    pub why: Why,
    /// For how long it has been seen so.
    pub after: Duration,
}

/// What speaks against a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Its counter has stood for its time to live: it hangs, sleeps, or is cut off.
    Silent,
    /// Its lock is free, and its counter stands: its process has ended.
    Died,
}

/// Watches counters and locks.
#[derive(Debug, Default)]
pub struct Observer {
    watched: HashMap<WorkerId, Watched>,
    last_look: Option<Moment>,
}

#[derive(Debug)]
struct Watched {
    beat: i64,
    since: Moment,
    looks: u32,
    /// The lock was seen held since this observation began.
    held: bool,
    /// When it was first seen free.
    freed: Option<Moment>,
}

impl Observer {
    /// An observer that has seen nobody yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins anew, as after a look that failed: what it saw before was seen through a connection that has broken since, and the
    /// others' locks may have been freed by what broke it.
    pub fn restart(&mut self) {
        self.watched.clear();
        self.last_look = None;
    }

    /// Takes note of what was read at `now`, and returns those who are to be declared gone.
    pub fn look(&mut self, now: Moment, signs: &[Sign]) -> Vec<Verdict> {
        let pause = self.last_look.map_or(Duration::ZERO, |last| now.since(last));
        self.last_look = Some(now);
        self.watched.retain(|id, _| signs.iter().any(|sign| sign.id == *id));
        signs.iter().filter_map(|sign| self.judge(now, pause, sign)).collect()
    }

    fn judge(&mut self, now: Moment, pause: Duration, sign: &Sign) -> Option<Verdict> {
        let fresh = || Watched { beat: sign.beat, since: now, looks: 0, held: false, freed: None };
        let watched = self.watched.entry(sign.id.clone()).or_insert_with(fresh);
        // Stopped, or busy elsewhere, for a good part of the time that it judges by: it has not watched this worker.
        if pause > sign.rhythm.ttl / LOOKS {
            *watched = fresh();
        }
        if watched.beat != sign.beat {
            *watched = Watched { held: watched.held, ..fresh() };
        }
        match sign.lock {
            Lock::Held => (watched.held, watched.freed) = (true, None),
            Lock::Free if watched.freed.is_none() || pause > sign.rhythm.beat => watched.freed = Some(now),
            Lock::Free => {}
            Lock::None => watched.freed = None,
        }
        let proven_after = if watched.held { sign.rhythm.reconnects_within() } else { sign.rhythm.all_reconnect_within() };
        watched.looks += 1;
        let verdict = |why, since| Some(Verdict { id: sign.id.clone(), beat: sign.beat, why, after: now.since(since) });
        match watched.freed {
            Some(freed) if now.since(freed) >= proven_after => verdict(Why::Died, freed),
            _ if watched.looks >= LOOKS && now.since(watched.since) >= sign.rhythm.ttl => verdict(Why::Silent, watched.since),
            _ => None,
        }
    }
}
