//! What the protocol costs beside Celery's prefork pool, in one run on one machine: RabbitMQ, results in Redis, acks late, task events
//! sent, two places each, tasks that do nothing. Processor time is that of the worker and its children, as the kernel counts it.

use viva_testkit::{Proc, Rabbit, Redis};

use super::harness::{Celery, Client, Place};

const ROUNDS: usize = 3;
const TASKS: usize = 5_000;

struct Cost {
    cpu_ms: f64,
    per_s: f64,
    idle_mib: f64,
    busy_mib: f64,
}

fn python_worker(place: &Place) -> Proc {
    let mut command = Celery::V5_7_0.python();
    command.args("-m celery -A tasks worker -c 2 -E -l warning -n py@here -Q celery".split(' ')).envs(place.environment());
    Proc::spawn(command)
}

fn cost(client: &Client, worker: &Proc) -> Cost {
    client.until("app.control.ping(timeout=20, limit=1)");
    // The first tasks pay for what is set up once: connections, code, caches.
    let pid = worker.pid();
    client.returns(&format!("overhead.measure({pid}, 200)"));
    let measured = client.returns(&format!("overhead.measure({pid}, {TASKS})"));
    worker.terminate();
    assert!(worker.wait(super::harness::SOON).success());
    let figure = |name: &str| measured[name].as_f64().unwrap();
    Cost { cpu_ms: figure("cpu_ms"), per_s: figure("per_s"), idle_mib: figure("idle_mib"), busy_mib: figure("busy_mib") }
}

fn median(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    let mut values: Vec<f64> = costs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `cargo test --release -p viva-celery --test it -- --ignored --nocapture overhead`
#[test]
#[ignore = "measures: for the release profile, on a machine that does nothing else"]
fn overhead_is_a_tenth_of_that_of_pythons_pool() {
    let (rabbit, redis) = (Rabbit::start(), Redis::start());
    let mut costs: [Vec<Cost>; 2] = [Vec::new(), Vec::new()];
    println!(
        "{:<28}{:>14}{:>10}{:>12}{:>12}",
        format!("{TASKS} tasks, {ROUNDS} rounds"),
        "CPU ms/task",
        "tasks/s",
        "idle MiB",
        "after MiB"
    );
    for round in 1..=ROUNDS {
        for (kind, costs) in ["celery 5.7.0 prefork -c 2", "viva-celery"].into_iter().zip(&mut costs) {
            let place = Place::at(rabbit.vhost(), redis.url());
            let client = place.client(Celery::V5_7_0);
            client.returns("import overhead");
            let worker = if kind == "viva-celery" { place.worker("echo@here", &[("CONCURRENCY", "2")]) } else { python_worker(&place) };
            let cost = cost(&client, &worker);
            println!(
                "{:<28}{:>14.3}{:>10.0}{:>12.1}{:>12.1}",
                format!("{kind} ({round})"),
                cost.cpu_ms,
                cost.per_s,
                cost.idle_mib,
                cost.busy_mib
            );
            costs.push(cost);
        }
    }
    let [theirs, ours] = costs.each_ref().map(|costs| median(costs, |cost| cost.cpu_ms));
    println!("median CPU of a task: {theirs:.3} ms in Python, {ours:.3} ms here: 1/{:.1}", theirs / ours);
    assert!(ours <= theirs / 10.0, "more than a tenth");
    // Measured with the example worker, which has no model loaded.
    let idle = median(&costs[1], |cost| cost.idle_mib);
    assert!(idle < 30.0, "an idle worker holds {idle} MiB");
}
