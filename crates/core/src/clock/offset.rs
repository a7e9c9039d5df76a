use std::collections::VecDeque;
use std::time::Duration;

use super::{Clock, Moment};

/// Samples kept. The quickest of them counts: what a message waits on its way it waits on one of the two ways (Mills, RFC 5905,
/// section 10, the clock filter).
const SAMPLES: usize = 8;
/// A sample that contradicts the others by more than this, beyond what its round trip explains, saw the other clock jump.
const JUMP_US: i64 = 100_000;

/// One question to somebody else's wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// When it was asked.
    pub asked: Moment,
    /// When the answer was there.
    pub answered: Moment,
    /// What the other clock showed, in microseconds since 1970.
    pub theirs_us: i64,
}

/// How far this machine's wall clock is from another one's, for people: nothing is decided by it.
///
/// Keeps where the other clock stands on this process' monotonic clock, at the middle of each round trip; so a wall clock that
/// jumps here shows at once.
#[derive(Debug, Default)]
pub struct Offset(VecDeque<Sample>);

#[derive(Debug, Clone, Copy)]
struct Sample {
    round_trip: Duration,
    /// What the other clock showed when this process' monotonic clock began.
    theirs_at_zero_us: i64,
}

impl Offset {
    /// Nothing asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of a reading.
    pub fn note(&mut self, reading: Reading) {
        let round_trip = reading.answered.since(reading.asked);
        let middle = reading.asked.plus(round_trip / 2);
        let sample = Sample { round_trip, theirs_at_zero_us: reading.theirs_us - micros(middle) };
        let explained = JUMP_US + round_trip.as_micros() as i64;
        if self.best().is_some_and(|best| (best.theirs_at_zero_us - sample.theirs_at_zero_us).abs() > explained) {
            self.0.clear();
        }
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// How far `clock` is ahead of the other one, in milliseconds; negative where it is behind. None before the first reading.
    pub fn ahead_ms(&self, clock: &dyn Clock) -> Option<i64> {
        let best = self.best()?;
        let theirs_us = best.theirs_at_zero_us + micros(clock.monotonic());
        Some((clock.wall().timestamp_micros() - theirs_us) / 1000)
    }

    fn best(&self) -> Option<Sample> {
        self.0.iter().copied().min_by_key(|sample| sample.round_trip)
    }
}

fn micros(moment: Moment) -> i64 {
    moment.0.as_micros() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    /// Asks a clock that is `behind_us` behind ours; the question takes `up` and its answer `down`.
    fn ask(clock: &ManualClock, offset: &mut Offset, behind_us: i64, up: u64, down: u64) {
        let asked = clock.monotonic();
        clock.advance(Duration::from_millis(up));
        let theirs_us = clock.wall().timestamp_micros() - behind_us;
        clock.advance(Duration::from_millis(down));
        offset.note(Reading { asked, answered: clock.monotonic(), theirs_us });
    }

    fn start() -> (ManualClock, Offset) {
        (ManualClock::at("2026-03-01T12:58:06Z".parse().expect("a date")), Offset::new())
    }

    #[test]
    fn the_quickest_of_many_round_trips_tells_the_offset() {
        let (clock, mut offset) = start();
        assert_eq!(offset.ahead_ms(&clock), None);
        for (up, down) in [(400, 10), (1, 1), (10, 900), (200, 0)] {
            ask(&clock, &mut offset, 33_000_000, up, down);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(offset.ahead_ms(&clock), Some(33_000));
    }

    #[test]
    fn a_wall_clock_that_jumps_here_shows_without_a_question() {
        let (clock, mut offset) = start();
        ask(&clock, &mut offset, 0, 1, 1);
        clock.jump_wall(clock.wall() + Duration::from_hours(1));
        assert_eq!(offset.ahead_ms(&clock), Some(3_600_000));
    }

    #[test]
    fn a_clock_that_jumps_there_shows_with_the_next_answer() {
        let (clock, mut offset) = start();
        ask(&clock, &mut offset, 0, 1, 1);
        ask(&clock, &mut offset, 3_600_000_000, 40, 40);
        assert_eq!(offset.ahead_ms(&clock), Some(3_600_000));
    }
}
