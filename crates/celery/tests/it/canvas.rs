//! What follows from a task: callbacks, errbacks, chains, and the two things that are refused.

use serde_json::{Value, json};
use viva_testkit::eventually;

use super::client::{REDIS_5_7_0, Way, every_way};
use super::harness::SOON;

every_way! {
    a_callback_gets_the_result
    a_callback_that_is_immutable_does_not_get_it
    an_errback_gets_the_id_of_what_failed
    a_chain_hands_each_result_on
    a_chain_ends_at_the_first_failure
}

/// Waits for the effect of the task with this id.
#[track_caller]
fn effect(way: &Way, id: &Value) {
    eventually("the task that follows had its effect", SOON, || way.place.effects().iter().any(|effect| *effect == *id));
}

fn a_callback_gets_the_result(way: &Way) {
    let answer = way.client.returns(
        "
        ids = [str(uuid.uuid4()) for _ in range(2)]
        r = app.send_task('tasks.add', [1, 2], link=[app.signature('tasks.effect', task_id=ids[0]), app.signature('tasks.effect', task_id=ids[1])])
        [r.get(timeout=30), ids]",
    );
    assert_eq!(answer[0], 3);
    effect(way, &answer[1][0]);
    effect(way, &answer[1][1]);
    if way.redis {
        assert_eq!(way.client.returns("[AsyncResult(id, app=app).get(timeout=30) for id in ids]"), json!([3, 3]));
    }
}

fn a_callback_that_is_immutable_does_not_get_it(way: &Way) {
    let id = way.client.returns(
        "
        id = str(uuid.uuid4())
        app.send_task('tasks.add', [1, 2], link=app.signature('tasks.effect', args=[7], immutable=True, task_id=id)).get(timeout=30)
        id",
    );
    effect(way, &id);
    if way.redis {
        assert_eq!(way.client.returns("AsyncResult(id, app=app).get(timeout=30)"), 7);
    }
}

fn an_errback_gets_the_id_of_what_failed(way: &Way) {
    let ids = way.client.returns(
        "
        id = str(uuid.uuid4())
        r = app.send_task('tasks.fail', link_error=app.signature('tasks.effect', task_id=id), link=app.signature('tasks.effect', task_id='never-' + id))
        r.get(timeout=30, propagate=False)
        [r.id, id]",
    );
    effect(way, &ids[1]);
    if way.redis {
        assert_eq!(way.client.returns("AsyncResult(id, app=app).get(timeout=30)"), ids[0]);
    }
    let never = format!("never-{}", ids[1].as_str().unwrap());
    assert!(!way.place.effects().contains(&never));
}

fn a_chain_hands_each_result_on(way: &Way) {
    let answer = way.client.returns(
        "
        add = lambda *args: app.signature('tasks.add', args=args)
        r = chain(add(1, 2), add(10), app.signature('tasks.echo', kwargs={'a': 1}), app.signature('tasks.add', args=(5, 6), immutable=True), add(100)).apply_async()
        r.get(timeout=30)",
    );
    assert_eq!(answer, 111);
    if way.redis {
        let parents = way.client.returns(
            "[r.parent.parent.parent.get(timeout=30), r.parent.parent.get(timeout=30), r.parent.parent.parent.parent.get(timeout=30)]",
        );
        assert_eq!(parents, json!([13, {"args": [13], "kwargs": {"a": 1}}, 3]));
        // The parent names its child, as `AsyncResult.children` and `collect` want it. Its own record may come after that of the child.
        assert_eq!(way.client.returns("r.parent.get(timeout=30)\n[c.id for c in r.parent.children] == [r.id]"), true);
    }
}

fn a_chain_ends_at_the_first_failure(way: &Way) {
    let ids = way.client.returns(
        "
        ids = [str(uuid.uuid4()) for _ in range(3)]
        steps = [app.signature('tasks.fail', args=('KeyError', 'lost'), task_id=ids[0]), app.signature('tasks.effect', task_id=ids[1])]
        steps[0].set(link_error=[app.signature('tasks.effect', task_id=ids[2])])
        r = chain(*steps).apply_async(task_id=ids[1])
        ids",
    );
    effect(way, &ids[2]);
    assert!(!way.place.effects().iter().any(|effect| *effect == ids[1]), "the next step ran");
    if way.redis {
        assert_eq!(way.client.raises("AsyncResult(ids[0], app=app).get(timeout=30)").class, "builtins.KeyError");
    }
}

/// A barrier lives in a format of Redis that each release has its own of: refused, and said so.
#[test]
fn a_chord_is_refused_in_words() {
    let way = &*REDIS_5_7_0;
    let raised = way
        .client
        .raises("chord([app.signature('tasks.add', args=(1, 2))], app.signature('tasks.echo'))().parent.results[0].get(timeout=30)");
    assert!(raised.text.contains("chord"), "{raised:?}");
    way.still_stands();
}

#[test]
fn what_is_not_json_is_refused_in_words() {
    let way = &*REDIS_5_7_0;
    for options in ["serializer='pickle'", "compression='gzip'"] {
        let raised = way.client.raises(&format!("app.send_task('tasks.add', [1, 2], {options}).get(timeout=30)"));
        assert!(raised.text.contains("application/json"), "{raised:?}");
    }
    way.still_stands();
}

#[test]
fn the_first_protocol_is_refused_in_words() {
    let way = &*REDIS_5_7_0;
    let raised = way.client.raises(
        "
        from celery import Celery
        old = Celery('old', broker=app.conf.broker_url, backend=app.conf.result_backend)
        old.conf.task_protocol = 1
        old.send_task('tasks.add', [1, 2]).get(timeout=30)",
    );
    assert!(raised.text.contains("protocol"), "{raised:?}");
    way.still_stands();
}
