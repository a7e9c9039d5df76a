//! What an unchanged platform's code sees: every way of sending a task and of waiting for it, from both releases, over both backends.

use std::sync::LazyLock;

use serde_json::{Value, json};
use viva_testkit::{Proc, eventually};

use super::harness::{Celery, Client, Place, SOON};

/// One release of the client on one result backend, with a worker and a monitor that watches all the while.
pub struct Way {
    pub place: Place,
    pub client: Client,
    pub redis: bool,
    worker: Proc,
    dump: Proc,
}

impl Way {
    fn start(celery: Celery, place: Place) -> Self {
        let redis = place.backend.starts_with("redis");
        let dump = place.celery(celery, &["events", "--dump"]);
        dump.wait_for_line("evdump", SOON);
        let worker = place.worker("echo@here", &[("CONCURRENCY", "4"), ("TRACK_STARTED", "true")]);
        let client = place.client(celery);
        client.share("from celery import chain, chord, group\nfrom celery.result import AsyncResult\nimport time, uuid");
        Self { place, client, redis, worker, dump }
    }

    /// Neither the worker nor `celery events --dump` has died of what was just done.
    pub fn still_stands(&self) {
        for (what, process) in [("the worker", &self.worker), ("celery events --dump", &self.dump)] {
            assert!(process.exited().is_none(), "{what} has ended:\n{}", process.lines().join("\n"));
        }
    }
}

pub static RPC_5_7_0: LazyLock<Way> = LazyLock::new(|| Way::start(Celery::V5_7_0, Place::rpc()));
pub static REDIS_5_7_0: LazyLock<Way> = LazyLock::new(|| Way::start(Celery::V5_7_0, Place::redis()));
pub static RPC_5_3_6: LazyLock<Way> = LazyLock::new(|| Way::start(Celery::V5_3_6, Place::rpc()));
pub static REDIS_5_3_6: LazyLock<Way> = LazyLock::new(|| Way::start(Celery::V5_3_6, Place::redis()));

/// Makes a test of each promise for each way.
macro_rules! every_way {
    ($($promise:ident)*) => {
        every_way! { @ rpc_5_7_0 RPC_5_7_0 $($promise)* }
        every_way! { @ redis_5_7_0 REDIS_5_7_0 $($promise)* }
        every_way! { @ rpc_5_3_6 RPC_5_3_6 $($promise)* }
        every_way! { @ redis_5_3_6 REDIS_5_3_6 $($promise)* }
    };
    (@ $module:ident $way:ident $($promise:ident)*) => {
        mod $module {
            $(#[test]
            fn $promise() {
                super::$promise(&crate::client::$way);
                crate::client::$way.still_stands();
            })*
        }
    };
}
pub(crate) use every_way;

every_way! {
    arguments_arrive_as_they_were_sent
    a_failure_is_raised_as_its_class
    a_failure_of_no_known_module_keeps_its_name
    an_unknown_task_is_not_registered
    arguments_that_do_not_fit_are_a_type_error
    a_countdown_is_kept
    what_has_expired_is_revoked
    a_task_starts_with_the_retries_that_it_was_sent_with
    a_task_that_retries_keeps_its_id
    a_result_that_is_to_be_ignored_is_not_kept
    the_hard_time_limit_ends_a_task
    the_soft_time_limit_is_raised
    what_was_revoked_does_not_run
    a_running_task_is_terminated
    what_a_task_is_sent_with_besides_does_not_matter
    a_result_has_the_fields_that_python_gives_it
}

fn arguments_arrive_as_they_were_sent(way: &Way) {
    let sent = json!([["안녕하세요 \u{1f600} \u{0}\"\\", 1, -9_007_199_254_740_993_i64, 0.1, null, true, [[], {}]], {"text": "hé", "n": {"a": [1.0]}}]);
    let code = format!(
        "import json\nargs, kwargs = json.loads({:?})\napp.send_task('tasks.echo', args, kwargs).get(timeout=30)",
        sent.to_string()
    );
    let echoed = way.client.returns(&code);
    assert_eq!(echoed, json!({"args": sent[0], "kwargs": sent[1]}));
    assert_eq!(way.client.returns("app.send_task('tasks.add', [1], {'y': 2}).get(timeout=30)"), 3);
    assert_eq!(way.client.returns("app.send_task('tasks.add', kwargs={'y': 2.5, 'x': 1}).get(timeout=30)"), 3.5);
    assert_eq!(way.client.returns("app.send_task('tasks.noop').get(timeout=30)"), Value::Null);
}

fn a_failure_is_raised_as_its_class(way: &Way) {
    for (module, class) in [("builtins", "ValueError"), ("builtins", "KeyError"), ("celery.exceptions", "ImproperlyConfigured")] {
        let raised = way.client.raises(&format!("app.send_task('tasks.fail', ['{class}', 'no', '{module}']).get(timeout=30)"));
        assert_eq!((raised.class, raised.args), (format!("{module}.{class}"), vec![json!("no")]));
    }
    let state = way.client.returns(
        "
        r = app.send_task('tasks.fail')
        r.get(timeout=30, propagate=False)
        [r.state, r.failed(), isinstance(r.result, ValueError), type(r.traceback).__name__]",
    );
    assert_eq!(state, json!(["FAILURE", true, true, "str"]));
}

fn a_failure_of_no_known_module_keeps_its_name(way: &Way) {
    if std::env::var("VIVA_TEST_WORKER").is_ok() {
        return; // Python's worker would have to import it.
    }
    let raised = way.client.raises("app.send_task('tasks.fail', ['EngineError', 'out of memory', 'viva.speech']).get(timeout=30)");
    assert_eq!((&raised.class[..], &raised.args[..]), ("celery.exceptions.EngineError", &[json!("out of memory")][..]));
}

fn an_unknown_task_is_not_registered(way: &Way) {
    let raised = way.client.raises("app.send_task('tasks.nosuch', [1]).get(timeout=30)");
    assert_eq!((&raised.class[..], &raised.args[..]), ("celery.exceptions.NotRegistered", &[json!("tasks.nosuch")][..]));
}

fn arguments_that_do_not_fit_are_a_type_error(way: &Way) {
    for call in ["[1]", "[1, 2, 3]", "[1], {'z': 2}", "[1, 2], {'y': 2}", "[], {}", "['a', 2]"] {
        let raised = way.client.raises(&format!("app.send_task('tasks.add', {call}).get(timeout=30)"));
        assert_eq!(raised.class, "builtins.TypeError", "add({call})");
    }
}

fn a_countdown_is_kept(way: &Way) {
    let waited = way.client.returns(
        "
        sent = time.monotonic()
        r = app.send_task('tasks.add', [1, 2], countdown=1.5)
        early = r.ready()
        r.get(timeout=30)
        [early, time.monotonic() - sent]",
    );
    assert_eq!(waited[0], false);
    // The moment itself comes from the wall clock, the waiting from another one.
    assert!(waited[1].as_f64().unwrap() > 1.49, "{waited}");
}

fn what_has_expired_is_revoked(way: &Way) {
    // The broker drops what expires in the queue; this one expires in the worker's hands.
    let raised = way
        .client
        .raises("app.send_task('tasks.effect', [1], task_id='expired-' + str(uuid.uuid4()), countdown=1.5, expires=0.5).get(timeout=30)");
    assert_eq!((&raised.class[..], &raised.args[..]), ("celery.exceptions.TaskRevokedError", &[json!("expired")][..]));
    assert!(!way.place.effects().iter().any(|id| id.starts_with("expired-")));
    assert_eq!(way.client.returns("app.send_task('tasks.add', [1, 2], expires=60).get(timeout=30)"), 3);
}

fn a_task_starts_with_the_retries_that_it_was_sent_with(way: &Way) {
    assert_eq!(way.client.returns("app.send_task('tasks.retry', [0], retries=2).get(timeout=30)"), 2);
}

fn a_task_that_retries_keeps_its_id(way: &Way) {
    let answer =
        way.client.returns("r = app.send_task('tasks.retry', [3], task_id='again-' + str(uuid.uuid4()))\n[r.get(timeout=30), r.state]");
    assert_eq!(answer, json!([3, "SUCCESS"]));
}

fn a_result_that_is_to_be_ignored_is_not_kept(way: &Way) {
    let id = way.client.returns("r = app.send_task('tasks.effect', [1], ignore_result=True)\nr.id");
    eventually("the task had its effect", SOON, || way.place.effects().iter().any(|effect| *effect == id));
    let active =
        format!("not any(t['id'] == {id} for ts in (app.control.inspect(timeout=5, limit=1).active() or {{}}).values() for t in ts)");
    way.client.until(&active);
    assert_eq!(way.client.returns("AsyncResult(r.id, app=app).state"), "PENDING");
}

fn the_hard_time_limit_ends_a_task(way: &Way) {
    let raised = way.client.raises("app.send_task('tasks.sleep', [60], time_limit=1).get(timeout=30)");
    assert_eq!(raised.class, "billiard.exceptions.TimeLimitExceeded", "{raised:?}");
    assert_eq!(way.client.returns("app.send_task('tasks.sleep', [0.01], time_limit=30.5, soft_time_limit=20.25).get(timeout=30)"), 0.01);
}

fn the_soft_time_limit_is_raised(way: &Way) {
    let raised = way.client.raises("app.send_task('tasks.sleep', [60], soft_time_limit=1, time_limit=30).get(timeout=30)");
    assert!(raised.bases.iter().any(|base| base == "billiard.exceptions.SoftTimeLimitExceeded"), "{raised:?}");
}

fn what_was_revoked_does_not_run(way: &Way) {
    let raised = way.client.raises(
        "
        id = 'revoked-' + str(uuid.uuid4())
        app.control.revoke(id, reply=True, timeout=30, limit=1)
        app.send_task('tasks.effect', [1], task_id=id).get(timeout=30)",
    );
    assert_eq!((&raised.class[..], &raised.args[..]), ("celery.exceptions.TaskRevokedError", &[json!("revoked")][..]));
    assert!(!way.place.effects().iter().any(|id| id.starts_with("revoked-")));
}

fn a_running_task_is_terminated(way: &Way) {
    way.client.returns("r = app.send_task('tasks.sleep', [300])");
    way.client.until("any(t['id'] == r.id for ts in (app.control.inspect(timeout=5, limit=1).active() or {}).values() for t in ts)");
    let raised = way.client.raises("r.revoke(terminate=True)\nr.get(timeout=30)");
    assert_eq!((&raised.class[..], &raised.args[..]), ("celery.exceptions.TaskRevokedError", &[json!("terminated")][..]));
}

fn what_a_task_is_sent_with_besides_does_not_matter(way: &Way) {
    let code = "
        app.send_task('tasks.add', [1, 2], task_id='no-uuid-' + str(uuid.uuid4()), priority=5, shadow='other name', headers={'x-trace': {'a': [1, None]}},
                      argsrepr='<hidden>', root_id='root', parent_id='parent', compression='gzip' if False else None, reply_to=None).get(timeout=30)";
    assert_eq!(way.client.returns(code), 3);
}

fn a_result_has_the_fields_that_python_gives_it(way: &Way) {
    let meta = way.client.returns(
        "
        r = app.send_task('tasks.add', [1, 2])
        r.get(timeout=30)
        m = dict(r._get_task_meta())
        date = m.pop('date_done')
        [m, r.date_done is not None, type(date).__name__]",
    );
    assert_eq!(meta[0]["status"], "SUCCESS");
    assert_eq!(meta[0]["result"], 3);
    let mut fields: Vec<_> = meta[0].as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!((fields, &meta[1]), (vec!["children", "result", "status", "task_id", "traceback"], &json!(true)));
    if way.redis {
        let seen = way.client.until(
            "
            r = app.send_task('tasks.sleep', [1])
            found = []
            while not r.ready():
                found = found or ([r.state, sorted(r.info)] if r.state == 'STARTED' else [])
            found",
        );
        assert_eq!(seen, json!(["STARTED", ["hostname", "pid"]]));
    }
}
