//! A long queue: the worker takes what it may hold, however much waits behind it.

use super::harness::{Celery, Place};

/// At a tenth of the way.
#[derive(Debug, serde::Deserialize)]
struct Sample {
    left: u64,
    at_s: f64,
    resident_mib: f64,
    cpu_s: f64,
}

/// Lets one worker do `count` tasks that wait already.
fn drain(count: u64) -> Vec<Sample> {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.returns(&format!("import backlog\nbacklog.fill({count})"));
    client.until(&format!("backlog.left() == {count}"));
    let worker = place.worker("echo@here", &[("CONCURRENCY", "2")]);
    let samples = client.returns(&format!("backlog.watch({}, {count})", worker.pid()));
    let samples: Vec<Sample> = serde_json::from_value(samples).unwrap();
    for pair in samples.windows(2) {
        let tasks = (pair[0].left - pair[1].left) as f64;
        let (rate, cpu_ms) = (tasks / (pair[1].at_s - pair[0].at_s), 1000.0 * (pair[1].cpu_s - pair[0].cpu_s) / tasks);
        println!("{:>7} left  {rate:>6.0} tasks/s  {cpu_ms:>6.3} ms CPU per task  {:>5.1} MiB", pair[1].left, pair[1].resident_mib);
    }
    // The last ones were in the worker's hands: acked, they do not come back.
    worker.terminate();
    assert!(worker.wait(super::harness::SOON).success());
    assert_eq!(client.returns("backlog.left()"), 0);
    samples
}

/// The memory after a tenth of the way, and the most later on.
fn memory(samples: &[Sample]) -> (f64, f64) {
    (samples[1].resident_mib, samples[2..].iter().map(|sample| sample.resident_mib).fold(0.0, f64::max))
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
    // By the clock, for a machine that does nothing else.
    let took = |from: usize| samples[from + 1].at_s - samples[from].at_s;
    println!("the first 10,000 took {:.1} s, the last 10,000 {:.1} s", took(0), took(9));
    assert!(took(9) < 1.5 * took(0), "the longer it runs the slower it is");
    // And by the processor's time, for any.
    let thirty = |from: usize| samples[from + 3].cpu_s - samples[from].cpu_s;
    assert!(thirty(7) < 1.3 * thirty(1), "30,000 took {} s early and {} s late", thirty(1), thirty(7));
}
