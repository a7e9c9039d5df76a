use std::time::Duration;

use super::*;
use crate::claim::WorkerId;
use crate::clock::{Clock as _, ManualClock};

const RHYTHM: Rhythm = Rhythm { beat: Duration::from_secs(2), ttl: Duration::from_secs(9) };

fn sign(beat: i64, lock: Lock) -> Sign {
    Sign { id: WorkerId::from("w".to_owned()), beat, rhythm: RHYTHM, lock }
}

/// Looks once a second for `seconds`; returns the second in which the worker was given up, and why.
fn given_up(observer: &mut Observer, clock: &ManualClock, seconds: u64, seen: impl Fn(u64) -> Sign) -> Option<(u64, Why)> {
    (1..=seconds).find_map(|second| {
        clock.advance(Duration::from_secs(1));
        observer.look(clock.monotonic(), &[seen(second)]).first().map(|verdict| (second, verdict.why))
    })
}

fn start() -> (Observer, ManualClock) {
    (Observer::new(), ManualClock::at(chrono::DateTime::UNIX_EPOCH))
}

#[test]
fn a_counter_that_stands_is_given_up_after_the_ttl_and_a_moving_one_never() {
    let (mut observer, clock) = start();
    assert_eq!(given_up(&mut observer, &clock, 100, |second| sign((second / 5) as i64, Lock::Held)), None);
    assert_eq!(given_up(&mut observer, &clock, 100, |_| sign(1000, Lock::Held)), Some((10, Why::Silent)));
}

#[test]
fn an_observer_that_was_paused_starts_anew() {
    let (mut observer, clock) = start();
    assert_eq!(given_up(&mut observer, &clock, 8, |_| sign(7, Lock::Held)), None);
    clock.advance(Duration::from_hours(1));
    assert_eq!(given_up(&mut observer, &clock, 100, |_| sign(7, Lock::Held)), Some((10, Why::Silent)));
}

#[test]
fn a_wall_clock_that_jumps_changes_nothing() {
    let (mut observer, clock) = start();
    assert_eq!(given_up(&mut observer, &clock, 8, |_| sign(7, Lock::Held)), None);
    clock.jump_wall(chrono::DateTime::UNIX_EPOCH + Duration::from_hours(33));
    assert_eq!(given_up(&mut observer, &clock, 100, |_| sign(7, Lock::Held)), Some((2, Why::Silent)));
}

#[test]
fn a_lock_that_is_freed_gives_its_holder_up_long_before_the_ttl() {
    let (mut observer, clock) = start();
    assert_eq!(given_up(&mut observer, &clock, 4, |second| sign(second as i64, Lock::Held)), None);
    // Free from the first second on, with the counter where it was: three seconds are a beat and a half.
    assert_eq!(given_up(&mut observer, &clock, 100, |_| sign(4, Lock::Free)), Some((4, Why::Died)));
}

#[test]
fn a_connection_that_is_made_again_convicts_nobody() {
    let (mut observer, clock) = start();
    assert_eq!(given_up(&mut observer, &clock, 4, |_| sign(4, Lock::Held)), None);
    // The lock is lost again and again; each time a beat gets through before it counts.
    assert_eq!(
        given_up(&mut observer, &clock, 100, |second| sign((second / 3) as i64, if second % 3 == 0 { Lock::Held } else { Lock::Free })),
        None
    );
    // A worker that never gets its lock back, but beats.
    assert_eq!(given_up(&mut observer, &clock, 100, |second| sign(100 + (second / 2) as i64, Lock::Free)), None);
}

#[test]
fn a_lock_that_was_not_seen_held_proves_less_and_none_proves_nothing() {
    let rhythm = Rhythm { ttl: Duration::from_secs(20), ..RHYTHM };
    let (mut observer, clock) = start();
    let seen = |beat, lock| Sign { rhythm, ..sign(beat, lock) };
    assert_eq!(given_up(&mut observer, &clock, 100, |_| seen(4, Lock::None)), Some((21, Why::Silent)), "an older version has none");
    // A process that was started again looks for the first time at the one that was killed before it.
    observer.restart();
    assert_eq!(given_up(&mut observer, &clock, 100, |_| seen(5, Lock::Free)), Some((6, Why::Died)));
    // A database that was restarted frees everybody's lock, and whoever looks first sees none held: those who beat within the
    // quarter of their time to live are alive.
    observer.restart();
    assert_eq!(given_up(&mut observer, &clock, 100, |second| seen(6 + second as i64 / 4, Lock::Free)), None);
}

#[test]
fn an_observer_that_dozed_gives_the_time_to_reconnect_once_more() {
    let (mut observer, clock) = start();
    assert_eq!(given_up(&mut observer, &clock, 2, |_| sign(4, Lock::Held)), None);
    assert_eq!(given_up(&mut observer, &clock, 1, |_| sign(4, Lock::Free)), None);
    clock.advance(RHYTHM.beat);
    assert_eq!(given_up(&mut observer, &clock, 100, |_| sign(4, Lock::Free)), Some((4, Why::Died)));
}

#[test]
fn each_worker_is_judged_by_its_own_rhythm() {
    let (mut observer, clock) = start();
    let slow = Rhythm { beat: Duration::from_secs(10), ttl: Duration::from_mins(1) };
    assert_eq!(given_up(&mut observer, &clock, 100, |_| Sign { rhythm: slow, ..sign(4, Lock::Held) }), Some((61, Why::Silent)));
}

#[test]
fn trust_ends_before_others_may_act_and_claims_end_before_trust() {
    let at = |seconds| Rhythm { beat: Duration::from_secs(1), ttl: Duration::from_mins(1) }.standing(Duration::from_secs(seconds));
    assert_eq!([at(0), at(29)], [Standing::Trusted; 2]);
    assert_eq!([at(30), at(49)], [Standing::Doubtful; 2]);
    assert_eq!([at(50), at(1000)], [Standing::Untrusted; 2]);
}
