//! A run of 2,000 tasks while the broker loses connections, channels, queues and itself.
//!
//! Each task appends its id to a file: what was lost is missing there, what ran twice to effect is there twice.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use viva_testkit::{Proc, Rabbit, RabbitOptions, Redis, eventually};

use super::harness::{Celery, Client, Place, SOON};

/// A delivery may be held for 20 s; the broker looks every half second, not every minute.
const IMPATIENT: &str = "[{rabbit, [{consumer_timeout, 20000}, {channel_tick_interval, 500}]}].";

const END_CONNECTIONS: &str = r#"[rabbit_networking:close_connection(P, "by the test") || P <- rabbit_networking:connections()]."#;

const DELETE_QUEUE: &str = r#"
    {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"celery">>)),
    rabbit_amqqueue:delete(Q, false, false, <<"guest">>)."#;

/// Ends the channels of everybody who consumes from the queue, by an error of the channel and not of the connection.
const END_CHANNELS: &str = r#"
    {ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"celery">>)),
    length([rabbit_channel:send_command(element(1, C), {'channel.close', 504, <<"ended by the test">>, 0, 0}) || C <- rabbit_amqqueue:consumers(Q)])."#;

struct Run {
    rabbit: Rabbit,
    place: Place,
    client: Client,
    worker: Proc,
}

impl Run {
    fn start() -> Self {
        let rabbit = Rabbit::start_with(&RabbitOptions { advanced: IMPATIENT.to_owned(), ..RabbitOptions::default() });
        let place = Place::at(rabbit.url(), Redis::shared().url());
        let worker = place.worker("echo@here", &[("CONCURRENCY", "8")]);
        let client = place.client(Celery::V5_7_0);
        // What a producer loses is not the worker's.
        client.returns(
            "
            app.conf.broker_transport_options = {'confirm_publish': True}
            rs = []
            def send(count, seconds):
                rs.extend([app.send_task('tasks.effect', [len(rs) + n, seconds]) for n in range(count)])
                return len(rs)
            def asked(question):
                # Its own connection is lost as well.
                try:
                    return question(app.control.inspect(timeout=2, limit=1))
                except app.connection().connection_errors:
                    return None",
        );
        Self { rabbit, place, client, worker }
    }

    fn sent(&self, count: usize, seconds: f64) -> usize {
        self.client.returns(&format!("send({count}, {seconds})")).as_u64().unwrap() as usize
    }

    #[track_caller]
    fn until_effects(&self, count: usize) {
        let reached = || self.place.effects().len() >= count;
        let what = format!(
            "{count} effects; the worker said:\n{}",
            self.worker.lines().iter().rev().take(30).rev().cloned().collect::<Vec<_>>().join("\n")
        );
        eventually(&what, 2 * SOON, reached);
    }

    /// Once some work is done after now.
    #[track_caller]
    fn goes_on(&self, sent: usize, after: &str) {
        let done = self.place.effects().len();
        println!("{done} effects when {after}");
        // On a busy machine the broker takes so long that all may be done by then.
        self.until_effects(sent.min(done + 60));
        self.client.until("asked(lambda inspect: inspect.ping())");
    }

    /// All results are there, and each task had its effect once.
    fn none_is_lost_and_none_ran_twice(&self, sent: usize) {
        let wrong = self.client.returns(
            "[[n, repr(r.get(timeout=120, propagate=False))] for n, r in enumerate(rs) if r.get(timeout=120, propagate=False) != n]",
        );
        assert_eq!(wrong, json!([]));
        let mut times: BTreeMap<String, usize> = BTreeMap::new();
        for id in self.place.effects() {
            *times.entry(id).or_default() += 1;
        }
        let twice: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
        assert!(twice.is_empty(), "{} had their effect more than once: {twice:?}", twice.len());
        assert_eq!(times.len(), sent);
        assert!(self.worker.exited().is_none());
    }
}

#[test]
fn none_of_2000_tasks_is_lost_or_run_twice() {
    let run = Run::start();
    let mut sent = run.sent(1_500, 0.15);
    run.until_effects(100);
    run.rabbit.eval(END_CONNECTIONS);
    run.goes_on(sent, "all connections were closed");
    assert_eq!(run.rabbit.eval(END_CHANNELS), "1", "channels that consume");
    run.goes_on(sent, "the channel was ended");
    run.rabbit.restart();
    run.goes_on(sent, "the broker had restarted");
    run.rabbit.kill();
    run.rabbit.start_again();
    run.goes_on(sent, "the broker had been killed and started");
    run.until_effects(sent);

    // With the queue go the messages in it: those in the worker's hands must not.
    sent = run.sent(8, 3.0);
    run.client.until("asked(lambda inspect: sum(len(ts) for ts in (inspect.active() or {}).values()) == 8)");
    run.rabbit.eval(DELETE_QUEUE);
    eventually("the queue is declared and consumed from again", SOON, || {
        run.rabbit.ctl(&["list_queues", "name", "consumers"]).contains("celery\t1")
    });
    run.until_effects(sent);
    sent = run.sent(392, 0.03);
    run.until_effects(sent);

    let closed = || run.rabbit.log().matches("consumer ack timed out").count() + run.rabbit.log().matches("Timeout value used").count();
    let before = closed();
    run.sent(1, 28.0);
    sent = run.sent(99, 0.03);
    run.until_effects(sent);
    assert!(closed() > before, "no delivery was held too long");
    assert_eq!(sent, 2_000);
    run.none_is_lost_and_none_ran_twice(sent);
    let waiting = run.rabbit.ctl(&["list_queues", "name", "messages"]);
    assert!(waiting.lines().any(|line| line == "celery\t0"), "all are acked: {waiting}");
}

/// A broker short of memory reads nothing from whoever publishes, and confirms nothing.
#[test]
fn a_broker_that_blocks_publishers_loses_nothing() {
    let rabbit = Rabbit::start();
    let place = Place::at(rabbit.url(), "rpc://".to_owned());
    let worker = place.worker("echo@here", &[("CONCURRENCY", "4")]);
    let client = place.client(Celery::V5_7_0);
    client.returns("rs = [app.send_task('tasks.sleep', [8]) for _ in range(4)]");
    client.until("sum(len(ts) for ts in (app.control.inspect(timeout=2, limit=1).active() or {}).values()) == 4");
    // By a call, not by rabbitmqctl: on a busy machine that program takes as long as the tasks.
    rabbit.eval("vm_memory_monitor:set_vm_memory_high_watermark(0).");
    // Their answers are due within eight seconds, and nobody reads them.
    assert_eq!(client.returns("__import__('time').sleep(10) or sum(r.ready() for r in rs)"), 0);
    rabbit.eval("vm_memory_monitor:set_vm_memory_high_watermark(0.4).");
    assert_eq!(client.returns("[r.get(timeout=90) for r in rs]"), json!([8, 8, 8, 8]));
    assert!(worker.exited().is_none());
}

/// A machine that dies takes its runs with it: another worker does them again, and what was finished is not done again.
#[test]
fn what_a_killed_worker_held_is_done_by_another() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    let first = place.worker("first@here", &[("CONCURRENCY", "4")]);
    client.returns("rs = [app.send_task('tasks.effect', [n, 0.02]) for n in range(300)]");
    eventually("some are done", SOON, || place.effects().len() > 50);
    first.kill();
    let _second = place.worker("second@here", &[("CONCURRENCY", "4")]);
    assert_eq!(client.returns("[r.get(timeout=120) for r in rs] == list(range(300))"), true);
    let effects = place.effects();
    // At the moment of the kill at most one run for each place had its effect and had not said so yet.
    assert!((300..=304).contains(&effects.len()), "{} effects of 300 tasks", effects.len());
}

/// SIGTERM: nothing new is begun, what runs is finished, what was only held goes back.
#[test]
fn a_worker_that_is_asked_to_leave_loses_nothing() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    let first = place.worker("first@here", &[("CONCURRENCY", "2")]);
    client.returns("rs = [app.send_task('tasks.effect', [n, 0.2]) for n in range(20)]");
    eventually("some are done", SOON, || place.effects().len() > 2);
    first.terminate();
    assert!(first.wait(Duration::from_secs(20)).success(), "{}", first.lines().join("\n"));
    let done = place.effects().len();
    assert!(done < 20, "{done}");
    let _second = place.worker("second@here", &[("CONCURRENCY", "2")]);
    assert_eq!(client.returns("[r.get(timeout=120) for r in rs] == list(range(20))"), true);
    assert_eq!(place.effects().len(), 20);
}
