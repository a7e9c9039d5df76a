//! The same bits, whatever runs beside an answer.

use super::*;

#[test]
fn an_answer_is_the_same_bits_whatever_runs_beside_it() {
    let runs: u64 = std::env::var("VIVA_RUNS").map_or(3, |runs| runs.parse().unwrap());
    let (mut preempted, mut shared) = (0, 0);
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let asks: Vec<Ask> = (0..64).map(|_| Ask::random(&mut random)).collect();
    let expected = references(&asks);
    for seed in 0..runs {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for size in [1, 8, 17, 64] {
            let pages = [20, 40, 400][below(&mut random, 3)];
            let mut scheduler = scheduler([2, 9, 64][below(&mut random, 3)], pages);
            let mut left: Vec<usize> = (0..size).map(|_| below(&mut random, asks.len())).collect();
            let mut asked = Vec::new();
            while !(left.is_empty() && scheduler.is_idle()) {
                for _ in 0..below(&mut random, 6) {
                    let Some(index) = left.pop() else { break };
                    asked.push((index, asks[index].submit(&mut scheduler), below(&mut random, 8) == 0));
                }
                if let Some((_, asked, gone)) = asked.last().filter(|_| below(&mut random, 3) == 0)
                    && *gone
                {
                    asked.cancel.cancel();
                }
                scheduler.step();
            }
            for (index, asked, gone) in &asked {
                match asked.result() {
                    Some(Err(Error::Cancelled)) if *gone => {}
                    Some(Ok(completion)) => {
                        let said = (completion.text, completion.tokens_out, asked.trace.lock().unwrap().clone());
                        assert!(
                            said == expected[*index],
                            "seed {seed}, {size} at once, request {index}: {said:?} instead of {:?}",
                            expected[*index]
                        );
                    }
                    other => panic!("seed {seed}, {size} at once, request {index}: {other:?}"),
                }
            }
            assert_eq!(scheduler.prefixes.held(), 0, "seed {seed}: pages leak");
            preempted += scheduler.counters.preemptions.load(Relaxed);
            shared += scheduler.counters.prefix_tokens.load(Relaxed);
        }
    }
    println!("{runs} schedules, {preempted} preemptions, {shared} tokens of shared prefixes");
    assert!(preempted > 0 && shared > 0, "{preempted} preemptions, {shared} shared tokens: nothing was tried");
}
