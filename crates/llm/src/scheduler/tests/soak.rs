//! Requests that come and go at random, for long. `VIVA_REQUESTS` sets how many.

use super::*;

/// Pages go back, whoever is cancelled is gone at the next step, and nobody is overtaken more often than the queue promises:
/// a request waits for those before it, for at most 64 that came later, and for nobody else.
#[test]
fn requests_that_come_and_go_at_random_leak_nothing_and_do_not_starve() {
    let requests: usize = std::env::var("VIVA_REQUESTS").map_or(250, |requests| requests.parse().unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(77);
    let mut scheduler = scheduler(12, 60);
    let (mut open, mut left): (Vec<(Asked, bool)>, usize) = (Vec::new(), requests);
    let (mut answered, mut cancelled, mut most_overtaken) = (0, 0, 0);
    while left > 0 || !open.is_empty() {
        // Bursts, so that lanes and pages run out and the queue grows.
        let burst = if below(&mut random, 12) == 0 { below(&mut random, 60) } else { below(&mut random, 2) };
        for _ in 0..burst.min(left) {
            open.push((Ask::random(&mut random).submit(&mut scheduler), false));
            left -= 1;
        }
        for (asked, gone) in &mut open {
            if !*gone && below(&mut random, 150) == 0 {
                asked.cancel.cancel();
                *gone = true;
            }
        }
        scheduler.step();
        open.retain(|(asked, gone)| match asked.result() {
            Some(Ok(_)) if !gone => {
                answered += 1;
                false
            }
            Some(Err(Error::Cancelled)) if *gone => {
                cancelled += 1;
                false
            }
            None => {
                assert!(!gone, "a cancelled request is still there after a step");
                true
            }
            other => panic!("cancelled: {gone}, ended with {other:?}"),
        });
        let everybody = scheduler.lanes.iter().map(|lane| &lane.sequence).chain(scheduler.queue.sequences());
        most_overtaken = everybody.map(|sequence| sequence.overtaken).fold(most_overtaken, usize::max);
    }
    let preempted = scheduler.counters.preemptions.load(Relaxed);
    println!("{answered} answered, {cancelled} cancelled, {preempted} preemptions, overtaken at most {most_overtaken} times");
    assert_eq!(answered + cancelled, requests);
    assert!(answered > requests / 4 && cancelled > requests / 50 && preempted > 0, "too little was tried");
    assert!(most_overtaken <= 2 * queue::PATIENCE, "overtaken {most_overtaken} times");
    assert!(scheduler.is_idle());
    assert_eq!(scheduler.prefixes.held(), 0, "pages leak");
}
