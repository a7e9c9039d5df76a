//! Messages that are wrong: none brings the worker down, none is lost, none is acked without a word.
//!
//! `tests/python/malformed.py` makes them and keeps the account.

use serde_json::{Value, json};
use viva_testkit::FaultPlan;

use super::harness::{Celery, Place, SOON};

/// Sends the cases that `code` makes to one worker and accounts for each; how many ended which way.
fn account(code: &str, at_least: u64) -> Value {
    let place = Place::rpc();
    let worker = place.worker("echo@here", &[("CONCURRENCY", "4")]);
    let client = place.client(Celery::V5_7_0);
    client.returns("import malformed, os");
    client.returns(&format!("cases = {code}\nmalformed.publish(cases)"));
    let account = client.returns("account = malformed.account(cases, 150)\naccount");
    println!("{}: {}", code, account["counts"]);
    if let Some(folder) = std::env::var_os("VIVA_ACCOUNT") {
        std::fs::write(std::path::Path::new(&folder).join("malformed.json"), serde_json::to_vec_pretty(&account).unwrap()).unwrap();
    }
    assert!(worker.exited().is_none(), "the worker has ended:\n{}", worker.lines().join("\n"));
    assert_eq!(account["lost"], json!([]), "acked without a word, or not at all");
    assert_eq!(account["ran"], json!([]), "ran as if nothing were wrong");
    assert_eq!(account["changed"], json!([]));
    let refused = ["dead", "FAILURE"].iter().filter_map(|end| account["counts"][end].as_u64()).sum::<u64>();
    assert!(refused >= at_least, "{refused} were refused: {}", account["counts"]);

    assert_eq!(client.returns("app.control.ping(timeout=10, limit=1)[0]"), json!({"echo@here": {"ok": "pong"}}));
    assert_eq!(client.returns("app.send_task('tasks.add', [1, 2]).get(timeout=30)"), 3);
    worker.terminate();
    assert!(worker.wait(SOON).success());
    // What it had not acked is back in the queue now.
    assert_eq!(client.returns("malformed.left_in_the_queue()"), 0);
    account["counts"].clone()
}

#[test]
fn every_message_made_wrong_by_hand_is_accounted_for() {
    account("list(malformed.made_by_hand())", 200);
}

#[test]
fn every_fuzzed_message_is_accounted_for() {
    let seed = FaultPlan::from_env("malformed").seed();
    account(&format!("list(malformed.fuzzed({seed}, 300))"), 100);
}

/// A worker that is told where strangers go passes them on as they are, and answers none of them.
#[test]
fn a_task_of_somebody_else_is_passed_on_unchanged() {
    let place = Place::rpc();
    let _worker = place.worker("echo@here", &[("UNKNOWN_TASKS_QUEUE", "strangers")]);
    let client = place.client(Celery::V5_7_0);
    client.returns(
        "
        import malformed, os, json
        case = malformed.Case('stranger', json.dumps([['안녕'], {'k': None}, malformed.EMBED]).encode(), task='vision.detect', eta='2026-01-01T00:00:00+00:00')
        case.headers['x-trace'] = {'a': [1, None, True, 1.5, 2**40]}
        case.properties.update(priority=3, expiration='600000', type='t', app_id='a')
        malformed.publish([case])",
    );
    let passed_on = client.until(
        "
        with malformed.connect() as connection:
            channel = connection.channel()
            channel.queue_declare('strangers', durable=True, auto_delete=False)
            found = [[m.body if isinstance(m.body, str) else m.body.decode(), m.headers, m.properties] for m in malformed.drain(channel, 'strangers')]
        found",
    );
    let expected = client.returns(
        "[case.body.decode(), {k: 'case-0' if v is malformed.ID else v for k, v in case.headers.items()}, {**case.properties, 'message_id': 'case-0', 'correlation_id': 'case-0', 'reply_to': 'answers'}]",
    );
    assert_eq!(passed_on[0][0], expected[0]);
    assert_eq!(passed_on[0][1], expected[1]);
    let properties = passed_on[0][2].as_object().unwrap();
    for (key, value) in expected[2].as_object().unwrap() {
        assert_eq!(properties.get(key), Some(value), "{key}");
    }
    assert_eq!(
        client.returns("with malformed.connect() as c: answers = [m.body for m in malformed.drain(c.channel(), 'answers')]\nanswers"),
        json!([])
    );
}
