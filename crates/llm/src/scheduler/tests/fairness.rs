//! Who goes first, and that nobody waits for ever.

use super::*;

#[test]
fn a_background_request_is_overtaken_a_bounded_number_of_times() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut quick = Ask::random(&mut random);
    (quick.request.max_tokens, quick.request.schema, quick.request.priority) = (1, None, Priority::Interactive);
    let mut slow = quick.clone();
    slow.request.priority = Priority::Background;
    let mut scheduler = scheduler(1, 64);
    let waiting = slow.submit(&mut scheduler);
    let mut overtakers = Vec::new();
    // An interactive request for every step: without a bound, the background one would never run.
    let ended = (0..1000).find_map(|_| {
        overtakers.push(quick.submit(&mut scheduler));
        scheduler.step();
        waiting.result()
    });
    assert!(ended.unwrap().is_ok());
    let before = overtakers.iter().filter(|asked| asked.result().is_some()).count();
    assert!(before <= 2 * queue::PATIENCE + 2, "{before} later requests went first");
}

#[test]
fn an_interactive_request_takes_the_lane_of_a_background_one_which_goes_on_later() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut long = Ask::random(&mut random);
    (long.request.max_tokens, long.request.schema, long.request.priority) = (20, None, Priority::Background);
    let mut short = Ask::random(&mut random);
    (short.request.max_tokens, short.request.schema, short.request.priority) = (2, None, Priority::Interactive);
    let expected = references(&[long.clone(), short.clone()]);
    let mut scheduler = scheduler(1, 64);
    let first = long.submit(&mut scheduler);
    (0..6).for_each(|_| scheduler.step());
    let second = short.submit(&mut scheduler);
    let served = (0..5).find_map(|_| {
        scheduler.step();
        second.result()
    });
    assert_eq!(served.unwrap().unwrap().text, expected[1].0);
    assert!(first.result().is_none() && scheduler.counters.preemptions.load(Relaxed) == 1);
    while !scheduler.is_idle() {
        scheduler.step();
    }
    assert_eq!(first.said(), expected[0]);
}

/// The first answer after a rest is complete long before prompts that came with it are all read.
#[test]
fn the_first_answer_after_a_rest_does_not_wait_for_everybodys_prompt() {
    let asks: Vec<Ask> = (0..12).map(|seed| Ask { prompt: (0..120).map(|i| 500 + seed * 131 + i).collect(), ..long(20) }).collect();
    let done_before_the_last_begins = |opening: usize| {
        let mut scheduler = scheduler(32, 400);
        (scheduler.limits.opening, scheduler.limits.beside) = (opening, 100);
        let asked: Vec<Asked> = asks.iter().map(|ask| ask.submit(&mut scheduler)).collect();
        while asked[0].result().is_none() {
            scheduler.step();
        }
        scheduler.lanes.iter().any(|lane| lane.sequence.held.computed == 0)
    };
    assert!(done_before_the_last_begins(8), "eight rows of prompts beside each of twenty steps");
    assert!(!done_before_the_last_begins(100), "the test would pass without an opening");
}

fn long(max_tokens: usize) -> Ask {
    let mut ask = Ask::short(4, Priority::Evaluation);
    ask.request.max_tokens = max_tokens;
    ask.request.sampling.temperature = 0.0;
    ask
}
