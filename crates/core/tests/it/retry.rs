use std::time::Duration;

use viva_core::ErrorClass;
use viva_core::retry::{Disposition, Policy};
use viva_core::state::State;

const POLICY: Policy = Policy { base: Duration::from_secs(1), cap: Duration::from_secs(10), max_attempts: 5, max_crashes: 2 };

#[test]
fn waits_double_up_to_the_cap_and_start_at_nothing() {
    let longest: Vec<u64> = (1..=6).map(|attempt| POLICY.delay(attempt, 1.0).as_secs()).collect();
    assert_eq!(longest, [1, 2, 4, 8, 10, 10]);
    assert_eq!(POLICY.delay(u32::MAX, 1.0), POLICY.cap);
    assert!((1..=6).all(|attempt| POLICY.delay(attempt, 0.0).is_zero()));
    assert_eq!(POLICY.delay(3, 0.25), Duration::from_secs(1));
}

#[test]
fn the_class_alone_decides() {
    let first = |class| POLICY.after(class, 1, 0.5);
    assert_eq!(first(ErrorClass::Transient), Disposition::RetryAfter(Duration::from_millis(500)));
    assert_eq!(first(ErrorClass::Unavailable), Disposition::RetryAfter(Duration::from_millis(500)));
    assert_eq!(first(ErrorClass::Permanent), Disposition::Ack);
    assert_eq!(first(ErrorClass::Poison), Disposition::DeadLetter);
    assert_eq!(first(ErrorClass::LostClaim), Disposition::Ack);
    assert_eq!(first(ErrorClass::Cancelled), Disposition::Ack);
}

#[test]
fn attempts_and_crashes_come_to_an_end() {
    assert!(matches!(POLICY.after(ErrorClass::Transient, 4, 0.5), Disposition::RetryAfter(_)));
    assert_eq!(POLICY.after(ErrorClass::Transient, 5, 0.5), Disposition::DeadLetter);
    assert!(matches!(POLICY.after(ErrorClass::Unavailable, 500, 0.5), Disposition::RetryAfter(_)), "it is not the task's fault");
    assert!(matches!(POLICY.after_crash(1, 0.5), Disposition::RetryAfter(_)));
    assert_eq!(POLICY.after_crash(2, 0.5), Disposition::DeadLetter);
}

#[test]
fn a_final_state_is_never_left() {
    use State::{Cancelled, Dead, Failed, Pending, Retrying, Running, Succeeded};
    let all = [Pending, Running, Retrying, Succeeded, Failed, Dead, Cancelled];
    for from in all {
        let ways_out = all.into_iter().filter(|to| from.may_become(*to)).count();
        assert_eq!(ways_out == 0, from.is_final(), "{from:?}");
        assert!(!from.may_become(from), "{from:?}");
    }
    assert!(Running.may_become(Pending), "a worker that leaves hands its job back");
    assert!(!Pending.may_become(Succeeded), "nothing succeeds without having run");
}
