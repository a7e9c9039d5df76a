//! A long queue: the worker takes what it may hold, however much waits behind it.

use super::harness::{Celery, Place};

/// Messages left, seconds, and resident memory in MiB at each tenth of the way.
fn drain(count: u64) -> Vec<(u64, f64, f64)> {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.returns(&format!("import backlog\nbacklog.fill({count})"));
    client.until(&format!("backlog.left() == {count}"));
    let worker = place.worker("echo@here", &[("CONCURRENCY", "2")]);
    let samples = client.returns(&format!("backlog.watch({}, {count})", worker.pid()));
    let samples: Vec<(u64, f64, f64)> = serde_json::from_value(samples).unwrap();
    for pair in samples.windows(2) {
        let rate = (pair[0].0 - pair[1].0) as f64 / (pair[1].1 - pair[0].1);
        println!("{:>7} left  {rate:>6.0} tasks/s  {:>5.1} MiB", pair[1].0, pair[1].2);
    }
    // The last ones were in the worker's hands: acked, they do not come back.
    worker.terminate();
    assert!(worker.wait(super::harness::SOON).success());
    assert_eq!(client.returns("backlog.left()"), 0);
    samples
}

/// The memory after a tenth of the way, and the most later on.
fn memory(samples: &[(u64, f64, f64)]) -> (f64, f64) {
    (samples[1].2, samples[2..].iter().map(|sample| sample.2).fold(0.0, f64::max))
}

#[test]
fn a_queue_that_is_longer_than_what_may_be_held_does_not_fill_the_memory() {
    let (early, late) = memory(&drain(3_000));
    assert!(late < early + 4.0, "{early} MiB after a tenth, {late} MiB later");
}

/// `cargo test --release -p viva-celery --test it -- --ignored --nocapture of_100_000`
#[test]
#[ignore = "takes minutes"]
fn a_queue_of_100_000_leaves_memory_and_throughput_as_they_are() {
    let samples = drain(100_000);
    let (early, late) = memory(&samples);
    assert!(late < early + 4.0, "{early} MiB after a tenth, {late} MiB later");
    let times: Vec<f64> = samples[1..].windows(2).map(|pair| pair[1].1 - pair[0].1).collect();
    let (first, last) = (times[..3].iter().sum::<f64>(), times[times.len() - 3..].iter().sum::<f64>());
    assert!(last < 1.3 * first, "30,000 took {first} s early and {last} s late");
}
