//! Every `celery inspect` and `celery control` command, asked of the Rust worker and of a Python worker that runs beside it.

use std::sync::LazyLock;

use serde_json::{Value, json};
use viva_testkit::{Proc, eventually};

use super::harness::{Celery, Client, Place, SOON};
use super::shape::Shape;

const OURS: &str = "echo@here";
const THEIRS: &str = "py@here";

/// Where the two answer differently, and why that is right. Paths start with the command; `*` at the end takes all below.
const ACCEPTED: &[(&str, &str)] = &[
    ("conf.*", "settings of two different programs; what both have is compared in a test of its own"),
    ("settings.include", "modules of Python"),
    ("settings.result_expires", "a timedelta there, shown as text; a number of seconds is the other form that Celery takes"),
    ("stats.total.*", "a map whose keys are the tasks that it has run"),
    ("stats.pool.writes*", "bytes written to the pipes of child processes, which a worker of threads does not have"),
];

fn accepted(path: &str) -> bool {
    ACCEPTED.iter().any(|(pattern, _)| pattern.strip_suffix('*').map_or(path == *pattern, |start| path.starts_with(start)))
}

/// Two workers on one queue, each with a running, a waiting and a scheduled task on a queue of its own.
struct Pair {
    client: Client,
    _workers: [Proc; 2],
}

static PAIR: LazyLock<Pair> = LazyLock::new(|| {
    let place = Box::leak(Box::new(Place::redis()));
    let theirs = place.python_worker(Celery::V5_7_0, THEIRS, &["-c", "2"], &[("NO_EVENTS", "true")]);
    let ours = place.worker(OURS, &[("CONCURRENCY", "2"), ("NO_EVENTS", "true")]);
    let client = place.client(Celery::V5_7_0);
    client.share(
        "
        from click.testing import CliRunner
        from celery.bin.celery import celery as command_line
        import json, time, uuid, warnings
        warnings.simplefilter('ignore')

        def ask(command, nodes=('echo@here', 'py@here'), **arguments):
            replies = app.control.broadcast(command, arguments=arguments, destination=list(nodes), reply=True, timeout=30, limit=len(nodes))
            return {node: reply for answer in replies for node, reply in answer.items()}

        def celery(*args):
            done = CliRunner().invoke(command_line, ['-A', 'app', *args])
            return {'code': done.exit_code, 'output': done.output, 'error': repr(done.exception)}",
    );
    for node in [OURS, THEIRS] {
        let added = client.returns(&format!(
            "ask('add_consumer', ['{node}'], queue='of-{node}', exchange=None, exchange_type='direct', routing_key=None)"
        ));
        assert_eq!(added, json!({node: {"ok": format!("add consumer of-{node}")}}));
        client.returns(&format!("for n in range(4): app.send_task('tasks.sleep', [600], task_id='held-{node}-%d' % n, queue='of-{node}')"));
        client.returns(&format!("app.send_task('tasks.add', [1, 2], task_id='later-{node}', queue='of-{node}', countdown=3600)"));
    }
    let held = "[[len(r) for r in (ask('active')[n], ask('scheduled')[n])] for n in ('echo@here', 'py@here')] == [[2, 1], [2, 1]]";
    client.until(held);
    Pair { client, _workers: [ours, theirs] }
});

impl Pair {
    /// What both answer, each named `node`: theirs, ours.
    #[track_caller]
    fn ask(&self, command: &str, arguments: &str) -> (Value, Value) {
        let code = format!("ask('{command}'{}{arguments})", if arguments.is_empty() { "" } else { ", " });
        let replies = self.client.returns(&code);
        let reply = |node: &str| {
            let reply = replies.get(node).unwrap_or_else(|| panic!("{code}: {node} does not answer: {replies}"));
            serde_json::from_str::<Value>(&reply.to_string().replace(node, "node")).unwrap()
        };
        (reply(THEIRS), reply(OURS))
    }

    #[track_caller]
    fn answer_in_one_shape(&self, command: &str, arguments: &str) {
        let (theirs, ours) = self.ask(command, arguments);
        let different = |line: &String| !accepted(&format!("{command}{}", line.split(": ").next().unwrap()));
        let differences: Vec<_> = Shape::of(&theirs).differences(&Shape::of(&ours)).into_iter().filter(different).collect();
        assert!(differences.is_empty(), "{command}({arguments}):\n{}\ntheirs: {theirs}\nours: {ours}", differences.join("\n"));
    }

    #[track_caller]
    fn answer_the_same(&self, command: &str, arguments: &str) {
        let (theirs, ours) = self.ask(command, arguments);
        assert_eq!(ours, theirs, "{command}({arguments})");
    }
}

#[test]
fn every_question_is_answered_in_the_shape_of_python() {
    let pair = &*PAIR;
    for (command, arguments) in [
        ("ping", ""),
        ("active", ""),
        ("active", "safe=True"),
        ("reserved", ""),
        ("scheduled", ""),
        ("scheduled", "safe=True"),
        ("registered", ""),
        ("registered", "taskinfoitems=['rate_limit']"),
        ("active_queues", ""),
        ("stats", ""),
        ("conf", ""),
        ("conf", "with_defaults=True"),
        ("report", ""),
        ("clock", ""),
        ("hello", "from_node='other@there', revoked={}"),
        ("query_task", "ids=['held-echo@here-0', 'held-py@here-0']"),
        ("query_task", "ids=['later-echo@here', 'later-py@here', 'nosuch']"),
        ("query_task", "ids='nosuch'"),
    ] {
        pair.answer_in_one_shape(command, arguments);
    }
}

#[test]
fn every_order_is_answered_in_the_words_of_python() {
    let pair = &*PAIR;
    for (command, arguments) in [
        ("ping", ""),
        ("revoke", "task_id='some-id'"),
        ("revoke", "task_id=['some-id']"),
        ("revoke", "task_id='not-running', terminate=True"),
        ("revoke", "task_id='not-running', terminate=True, signal='KILL'"),
        ("terminate", "task_id='not-running', signal='TERM'"),
        ("revoke_by_stamped_headers", "headers={'stamp': ['a']}"),
        ("rate_limit", "task_name='tasks.noop', rate_limit='1000/s'"),
        ("rate_limit", "task_name='tasks.noop', rate_limit=0"),
        ("rate_limit", "task_name='tasks.noop', rate_limit=None"),
        ("rate_limit", "task_name='tasks.nosuch', rate_limit='10/m'"),
        ("time_limit", "task_name='tasks.noop', soft=100, hard=200"),
        ("time_limit", "task_name='tasks.noop', soft=None, hard=None"),
        ("time_limit", "task_name='tasks.nosuch', soft=1, hard=2"),
        ("add_consumer", "queue='extra', exchange=None, exchange_type='direct', routing_key=None"),
        ("add_consumer", "queue='extra', exchange=None, exchange_type='direct', routing_key=None"),
        ("cancel_consumer", "queue='extra'"),
        ("cancel_consumer", "queue='extra'"),
        ("cancel_consumer", "queue='never'"),
        ("disable_events", ""),
        ("disable_events", ""),
        ("enable_events", ""),
        ("enable_events", ""),
        ("pool_grow", "n=1"),
        ("autoscale", "max=3, min=1"),
        ("heartbeat", ""),
        ("nosuch", ""),
    ] {
        pair.answer_the_same(command, arguments);
    }
}

#[test]
fn a_worker_does_not_greet_itself() {
    for node in [OURS, THEIRS] {
        let greeted = PAIR.client.returns(&format!("ask('hello', ['{node}'], from_node='{node}', revoked={{}})"));
        assert_eq!(greeted, json!({node: null}));
    }
}

#[test]
fn a_bad_argument_is_an_error_that_names_it() {
    let pair = &*PAIR;
    for (command, arguments) in
        [("rate_limit", "task_name='tasks.noop', rate_limit='fast'"), ("pool_grow", "n='many'"), ("revoke", ""), ("time_limit", "")]
    {
        let (theirs, ours) = pair.ask(command, arguments);
        let error = |value: &Value| value.get("error").is_some_and(Value::is_string);
        assert!(error(&theirs) && error(&ours), "{command}({arguments}): theirs {theirs}, ours {ours}");
    }
}

#[test]
fn settings_that_both_have_are_of_one_type() {
    let (theirs, ours) = PAIR.ask("conf", "with_defaults=True");
    let ours = ours.as_object().unwrap();
    assert!(ours.len() > 3, "{ours:?}");
    for (key, value) in ours.iter().filter(|(key, _)| theirs.get(key).is_some() && !accepted(&format!("settings.{key}"))) {
        assert_eq!(Shape::of(value), Shape::of(&theirs[key]), "{key}");
    }
    assert!(!serde_json::to_string(ours).unwrap().contains("guest:guest"), "a password is shown");
}

#[test]
fn the_command_line_lists_both_workers() {
    let pair = &*PAIR;
    let status = pair.client.returns("celery('status', '--timeout', '5')");
    let output = status["output"].as_str().unwrap();
    for node in [OURS, THEIRS] {
        assert!(output.contains(&format!("{node}: OK")), "{output}");
    }
    assert!(output.contains("2 nodes online"), "{output}");
    for command in ["active", "active_queues", "clock", "conf", "ping", "registered", "report", "reserved", "revoked", "scheduled", "stats"]
    {
        let said = pair.client.returns(&format!("celery('inspect', '--timeout', '5', '{command}')"));
        let output = said["output"].as_str().unwrap();
        assert_eq!(said["code"], 0, "celery inspect {command}: {said}");
        assert!(output.contains(OURS) && output.contains(THEIRS), "celery inspect {command}: {output}");
    }
    for command in [
        "enable_events",
        "heartbeat",
        "rate_limit tasks.noop 100/m",
        "time_limit tasks.noop 10 20",
        "add_consumer line",
        "cancel_consumer line",
        "pool_grow 1",
        "pool_shrink 1",
        "revoke some-id",
        "disable_events",
    ] {
        let args: Vec<_> = command.split(' ').map(|word| format!("'{word}'")).collect();
        let said = pair.client.returns(&format!("celery('control', '--timeout', '5', {})", args.join(", ")));
        assert_eq!(said["code"], 0, "celery control {command}: {said}");
        let output = said["output"].as_str().unwrap();
        assert!(output.contains(OURS) && output.contains(THEIRS), "celery control {command}: {output}");
    }
}

#[test]
fn python_greets_the_worker_and_has_no_complaint() {
    let place = Place::redis();
    let ours = place.worker("first@here", &[]);
    let theirs = place.python_worker(Celery::V5_7_0, "second@here", &["-c", "1", "-l", "debug"], &[]);
    theirs.wait_for_line("mingle: sync complete", SOON);
    theirs.wait_for_line("first@here joined the party", SOON);
    assert!(theirs.lines().iter().any(|line| line.contains("mingle: sync with 1 nodes")), "{:?}", theirs.lines());
    ours.kill();
    theirs.wait_for_line("missed heartbeat from first@here", SOON);
    let complaint = |line: &&String| ["ERROR", "Traceback", "Substantial drift"].iter().any(|word| line.contains(word));
    assert_eq!(theirs.lines().iter().find(complaint), None, "{}", theirs.lines().join("\n"));
}

/// Whoever starts asks the others, whatever they are written in.
#[test]
fn a_worker_that_starts_learns_what_was_revoked_before() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    let theirs = place.python_worker(Celery::V5_7_0, "first@here", &["-c", "1"], &[]);
    client.returns("app.control.revoke(['called-back', 'and-this'], destination=['first@here'])");
    client.until("sorted((app.control.inspect(['first@here'], timeout=5, limit=1).revoked() or {}).get('first@here', [])) == ['and-this', 'called-back']");
    let second = place.worker("second@here", &[]);
    second.wait_for_line("what the other workers know of is known here, too", SOON);
    theirs.terminate();
    theirs.wait(SOON);
    let third = place.worker("third@here", &[]);
    third.wait_for_line("what the other workers know of is known here, too", SOON);
    let revoked = "sorted(app.control.inspect(['third@here'], timeout=5, limit=1).revoked()['third@here'])";
    assert_eq!(client.returns(revoked), json!(["and-this", "called-back"]));
    let asked = "r = app.send_task('tasks.add', [1, 2], task_id='called-back')\nr.get(timeout=30)";
    assert_eq!(client.raises(asked).class, "celery.exceptions.TaskRevokedError");
}

#[test]
fn a_warm_shutdown_is_asked_for_from_afar() {
    let place = Place::redis();
    let worker = place.worker("gone@here", &[]);
    let client = place.client(Celery::V5_7_0);
    client.returns("import watch");
    let id = client.returns("r = app.send_task('tasks.sleep', [1])\nr.id");
    client.until("any(t['id'] == r.id for ts in (app.control.inspect(timeout=5, limit=1).active() or {}).values() for t in ts)");
    client.returns("app.control.shutdown(destination=['gone@here'])");
    let end = worker.wait(SOON);
    assert!(end.success(), "{end}: {}", worker.lines().join("\n"));
    assert_eq!(client.returns("r.get(timeout=30)"), 1, "the running task {id} was finished");
    eventually("worker-offline is heard", SOON, || {
        client.returns("[e['hostname'] for e in watch.events if e['type'] == 'worker-offline']") == json!(["gone@here"])
    });
}
