//! Cancelled and late requests.

use super::*;

#[test]
fn a_cancelled_sequence_leaves_at_the_next_step_and_gives_its_pages_back() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut ask = Ask::random(&mut random);
    (ask.request.max_tokens, ask.request.schema) = (100, None);
    let mut scheduler = scheduler(1, 64);
    let (running, waiting) = (ask.submit(&mut scheduler), ask.submit(&mut scheduler));
    (0..3).for_each(|_| scheduler.step());
    running.cancel.cancel();
    waiting.cancel.cancel();
    scheduler.step();
    assert!(matches!(running.result(), Some(Err(Error::Cancelled))) && matches!(waiting.result(), Some(Err(Error::Cancelled))));
    assert!(scheduler.is_idle());
    assert_eq!(scheduler.prefixes.held(), 0);
}

#[test]
fn a_request_whose_time_is_over_leaves_at_the_next_step_running_or_waiting() {
    let mut ask = Ask::short(3, Priority::Evaluation);
    ask.request.max_tokens = 1000;
    let mut scheduler = scheduler(1, 64);
    let patient = ask.submit(&mut scheduler);
    scheduler.step();
    ask.request.deadline_ms = Some(0);
    let waiting = ask.submit(&mut scheduler);
    scheduler.step();
    assert!(matches!(waiting.result(), Some(Err(Error::Deadline { ms: 0 }))));
    // The one that runs had no deadline; now it has one that is over.
    assert!(patient.result().is_none());
    scheduler.lanes[0].sequence.caller.deadline = Some((time::now(), 7));
    scheduler.step();
    assert!(matches!(patient.result(), Some(Err(Error::Deadline { ms: 7 }))));
    assert!(scheduler.is_idle() && scheduler.prefixes.held() == 0);
}
