//! Events beside those of a Python worker: the same kinds with the same fields, and monitors that live on them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use viva_testkit::eventually;

use super::harness::{Celery, Client, Place, SOON};
use super::shape::Shape;

/// Makes every kind of event that a worker sends of a task; the ids are its own.
const EVERYTHING: &str = "
    import time, uuid
    def everything(queue):
        run = lambda name, *args, **options: app.send_task(name, args, queue=queue, **options)
        results = [run('tasks.add', 1, 2), run('tasks.add', 'é', 2), run('tasks.fail'), run('tasks.fail', 'KeyError', 'x'), run('tasks.retry', 1),
                   run('tasks.sleep', 60, time_limit=1), run('tasks.sleep', 60, soft_time_limit=1), run('tasks.nosuch'), run('tasks.echo', *range(10)),
                   run('tasks.add', 1, 2, countdown=1, expires=0.5)]
        id = str(uuid.uuid4())
        app.control.revoke(id, reply=True, timeout=30, limit=1)
        results.append(run('tasks.add', 1, 2, task_id=id))
        long = run('tasks.sleep', 300)
        while not any(t['id'] == long.id for ts in (app.control.inspect(timeout=5, limit=1).active() or {}).values() for t in ts):
            time.sleep(0.05)
        long.revoke(terminate=True)
        for result in results + [long]:
            result.get(timeout=60, propagate=False)";

/// Fields in which the two differ, by kind of event, and why that is right.
const ACCEPTED: &[(&str, &str, &str)] = &[];

/// Every kind of event of one node, with the shape of each field.
fn kinds(client: &Client, node: &str) -> BTreeMap<String, BTreeMap<String, BTreeSet<Shape>>> {
    let events = client.returns(&format!("[e for e in watch.events if e['hostname'] == '{node}']"));
    let mut kinds: BTreeMap<String, BTreeMap<String, BTreeSet<Shape>>> = BTreeMap::new();
    for event in events.as_array().unwrap() {
        let fields = kinds.entry(event["type"].as_str().unwrap().to_owned()).or_default();
        for (field, value) in event.as_object().unwrap() {
            fields.entry(field.clone()).or_default().insert(Shape::of(value));
        }
    }
    kinds
}

#[test]
fn every_kind_of_event_has_the_fields_of_python() {
    let mut seen = Vec::new();
    for ours in [false, true] {
        let place = Place::redis();
        let client = place.client(Celery::V5_7_0);
        client.returns("import watch");
        let dump = place.celery(Celery::V5_7_0, &["events", "--dump"]);
        dump.wait_for_line("evdump", SOON);
        let old_dump = place.celery(Celery::V5_3_6, &["events", "--dump"]);
        old_dump.wait_for_line("evdump", SOON);
        let worker = if ours {
            place.worker("one@here", &[("CONCURRENCY", "4"), ("TRACK_STARTED", "true")])
        } else {
            place.python_worker(Celery::V5_7_0, "one@here", &["-c", "4"], &[])
        };
        client.returns(EVERYTHING);
        client.returns("everything('celery')");
        client.until("[e for e in watch.events if e['type'] == 'worker-heartbeat']");
        worker.terminate();
        client.until("[e for e in watch.events if e['type'] == 'worker-offline']");
        assert!(worker.wait(SOON).success(), "{}", worker.lines().join("\n"));
        for dump in [&dump, &old_dump] {
            dump.wait_for_line("shutdown", SOON);
            assert!(dump.exited().is_none(), "celery events --dump has ended:\n{}", dump.lines().join("\n"));
        }
        assert_eq!(
            client.returns("[e['exception'] for e in watch.events if e['type'] == 'task-failed' and 'boom' in e['exception']]"),
            json!(["ValueError('boom')"])
        );
        seen.push(kinds(&client, "one@here"));
    }
    let (theirs, ours) = (&seen[0], &seen[1]);
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let mut differences = Vec::new();
    for (kind, fields) in theirs {
        for field in fields.keys().chain(ours[kind].keys()).collect::<BTreeSet<_>>() {
            let accepted = ACCEPTED.iter().any(|(of, named, _)| of == kind && named == field);
            if fields.get(field) != ours[kind].get(field) && !accepted {
                differences.push(format!("{kind}.{field}: theirs {:?}, ours {:?}", fields.get(field), ours[kind].get(field)));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn no_two_events_of_a_worker_carry_one_clock() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.returns("import watch");
    let _worker = place.worker("one@here", &[]);
    client.returns("for n in range(20): app.send_task('tasks.add', [n, 1]).get(timeout=30)");
    client.until("len([e for e in watch.events if e['type'] == 'task-succeeded']) == 20");
    let clocks = client.returns("[e['clock'] for e in watch.events if e['hostname'] == 'one@here']");
    let clocks: Vec<u64> = serde_json::from_value(clocks).unwrap();
    let mut sorted = clocks.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(clocks.len(), sorted.len(), "one number twice: {clocks:?}");
}

#[test]
fn a_python_worker_and_ours_share_a_queue() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.returns("import watch");
    let ours = place.worker("ours@here", &[("CONCURRENCY", "2")]);
    let theirs = place.python_worker(Celery::V5_7_0, "theirs@here", &["-c", "2", "--prefetch-multiplier", "1"], &[]);
    let sum = client.returns("sum(r.get(timeout=60) for r in [app.send_task('tasks.sleep', [0.05]) for _ in range(80)])");
    assert!((sum.as_f64().unwrap() - 4.0).abs() < 1e-6, "{sum}");
    let both = "len({e['uuid'] for e in watch.events if e['type'] == 'task-succeeded'}) == 80 and sorted({e['hostname'] for e in watch.events if e['type'] == 'task-succeeded'})";
    assert_eq!(client.until(both), json!(["ours@here", "theirs@here"]));
    assert_eq!(client.returns("len([e for e in watch.events if e['type'] == 'task-succeeded'])"), 80, "one ran twice");
    for command in ["pool_grow", "pool_shrink"] {
        let answers = client.returns(&format!("sorted(str(r) for a in app.control.broadcast('{command}', arguments={{'n': 1}}, reply=True, timeout=30, limit=2) for r in a.values())"));
        let said = format!("{{'ok': 'pool will {}'}}", command.strip_prefix("pool_").unwrap());
        assert_eq!(answers, json!([said, said]));
    }
    for worker in [&ours, &theirs] {
        assert!(worker.exited().is_none(), "{}", worker.lines().join("\n"));
    }
}

#[test]
fn a_killed_worker_is_offline_to_every_monitor() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.returns("import watch");
    let worker = place.worker("killed@here", &[]);
    client.until("[w.hostname for w in watch.state.alive_workers()] == ['killed@here']");
    worker.kill();
    client.until("list(watch.state.alive_workers()) == []");
    let status = client.returns("app.control.ping(timeout=1)");
    assert_eq!(status, json!([]));
}

#[test]
fn a_worker_that_comes_back_under_its_name_takes_its_mailbox_again() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    let first = place.worker("name@here", &[]);
    first.kill();
    let second = place.worker("name@here", &[]);
    client.until("app.control.ping(timeout=5, limit=1) == [{'name@here': {'ok': 'pong'}}]");
    assert!(second.exited().is_none());
}

/// The accesses of celery-exporter at a scrape and at each event: one key less and the exporter's process ends.
#[test]
fn the_exporters_questions_are_answered() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.returns("import watch");
    let _worker = place.worker("one@here", &[("CONCURRENCY", "2")]);
    client.returns(EVERYTHING);
    client.returns("everything('celery')");
    let scrape = client.returns(
        "
        import re
        inspect = app.control.inspect(timeout=5, limit=1)
        processes = {worker: len(stats['pool']['processes']) for worker, stats in inspect.stats().items()}
        queues = {worker: [queue['name'] for queue in queues] for worker, queues in inspect.active_queues().items()}
        [processes, queues]",
    );
    assert_eq!(scrape, json!([{"one@here": 2}, {"one@here": ["celery"]}]));
    client.until("[e for e in watch.events if e['type'] == 'task-succeeded'] and [e for e in watch.events if e['type'] == 'task-revoked']");
    let counted = client.returns(
        "
        total, failures, seen = 0.0, set(), {}
        for event in watch.events:
            if event['type'].startswith('worker-'):
                seen[event['hostname'].split('@')[1]] = event['timestamp'] + event.get('utcoffset', 0) * 0
                event['active'] + event['processed']
                continue
            task = watch.state.tasks.get(event['uuid'])
            labels = {'name': task.name, 'hostname': task.hostname.split('@')[-1], 'queue': getattr(task, 'queue', None) or 'celery'}
            if event['type'] == 'task-succeeded':
                total += event['runtime']
            if event['type'] in ('task-failed', 'task-retried'):
                # What does not match is `UnknownException` there.
                failures.update(re.findall(r'^(\\w+)\\(', event['exception']))
        [total > 0, sorted(failures), list(seen)]",
    );
    assert_eq!(counted[0], true);
    assert_eq!(counted[2], json!(["here"]));
    let failures: Vec<String> = serde_json::from_value(counted[1].clone()).unwrap();
    assert!(["ValueError", "KeyError", "NotRegistered"].iter().all(|name| failures.iter().any(|seen| seen == name)), "{failures:?}");
}

#[test]
fn heartbeats_come_while_the_machine_is_busy() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.returns("import watch");
    let _worker = place.worker("busy@here", &[("CONCURRENCY", "4")]);
    client.returns("rs = [app.send_task('tasks.spin', [8]) for _ in range(4)]");
    client.returns("[r.get(timeout=120) for r in rs]");
    let beats = client.returns("[[e['freq'], e['timestamp']] for e in watch.events if e['type'] == 'worker-heartbeat']");
    let beats: Vec<(f64, f64)> = serde_json::from_value(beats).unwrap();
    assert!(beats.len() >= 3, "{beats:?}");
    // Twice the frequency is what a monitor takes for a death.
    assert!(beats.windows(2).all(|pair| pair[1].1 - pair[0].1 < 2.0 * pair[0].0), "{beats:?}");
    eventually("all are done", SOON, || client.returns("[r.ready() for r in rs]") == Value::from(vec![true; 4]));
}
