//! Who is still there: a worker lives while its counter changes, timed by the observer's own monotonic clock.
//!
//! Pure. Promises that no wall clock is read, that an observer which was itself paused convicts nobody for it, and that one
//! lucky or unlucky look decides nothing. A verdict is only a reason to look: the store declares a worker gone only if its
//! counter still stands where it was seen.

use std::collections::HashMap;
use std::time::Duration;

use crate::claim::WorkerId;
use crate::clock::Moment;

/// How many looks must find the same counter before it counts as standing.
const LOOKS: u32 = 3;

/// Watches counters.
#[derive(Debug)]
pub struct Observer {
    ttl: Duration,
    watched: HashMap<WorkerId, Watched>,
    last_look: Option<Moment>,
}

#[derive(Debug)]
struct Watched {
    beat: i64,
    since: Moment,
    looks: u32,
}

impl Observer {
    /// An observer that takes a worker for gone when its counter has stood for `ttl`.
    pub fn new(ttl: Duration) -> Self {
        Self { ttl, watched: HashMap::new(), last_look: None }
    }

    /// Takes note of the counters as they were read at `now`, and returns those that have stood for too long.
    pub fn look(&mut self, now: Moment, live: &[(WorkerId, i64)]) -> Vec<(WorkerId, i64)> {
        // Stopped, or cut off, for a good part of the time that it judges by: it starts anew.
        if self.last_look.is_some_and(|last| now.since(last) > self.ttl / LOOKS) {
            self.watched.clear();
        }
        self.last_look = Some(now);
        self.watched.retain(|id, _| live.iter().any(|(lives, _)| lives == id));
        live.iter().filter(|(id, beat)| self.stands(now, id, *beat)).cloned().collect()
    }

    fn stands(&mut self, now: Moment, id: &WorkerId, beat: i64) -> bool {
        let fresh = || Watched { beat, since: now, looks: 0 };
        let watched = self.watched.entry(id.clone()).or_insert_with(fresh);
        if watched.beat != beat {
            *watched = fresh();
        }
        watched.looks += 1;
        watched.looks >= LOOKS && now.since(watched.since) >= self.ttl
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, ManualClock};

    const TTL: Duration = Duration::from_secs(9);

    /// Looks once a second for `seconds`; returns the second in which `id` was given up.
    fn given_up(observer: &mut Observer, clock: &ManualClock, seconds: u64, beat: impl Fn(u64) -> i64) -> Option<u64> {
        let id = WorkerId::from("w".to_owned());
        (1..=seconds).find(|&second| {
            clock.advance(Duration::from_secs(1));
            !observer.look(clock.monotonic(), &[(id.clone(), beat(second))]).is_empty()
        })
    }

    fn start() -> (Observer, ManualClock) {
        (Observer::new(TTL), ManualClock::at(chrono::DateTime::UNIX_EPOCH))
    }

    #[test]
    fn a_counter_that_stands_is_given_up_after_the_ttl_and_a_moving_one_never() {
        let (mut observer, clock) = start();
        assert_eq!(given_up(&mut observer, &clock, 100, |second| (second / 5) as i64), None);
        assert_eq!(given_up(&mut observer, &clock, 100, |_| 1000), Some(10));
    }

    #[test]
    fn an_observer_that_was_paused_starts_anew() {
        let (mut observer, clock) = start();
        assert_eq!(given_up(&mut observer, &clock, 8, |_| 7), None);
        clock.advance(Duration::from_hours(1));
        assert_eq!(given_up(&mut observer, &clock, 100, |_| 7), Some(10));
    }

    #[test]
    fn a_wall_clock_that_jumps_changes_nothing() {
        let (mut observer, clock) = start();
        assert_eq!(given_up(&mut observer, &clock, 8, |_| 7), None);
        clock.jump_wall(chrono::DateTime::UNIX_EPOCH + Duration::from_hours(33));
        assert_eq!(given_up(&mut observer, &clock, 100, |_| 7), Some(2));
    }
}
