//! Flower 2.2.0 beside the worker, by its HTTP interface.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use viva_testkit::{Proc, eventually};

use super::harness::{Celery, Client, Place, SOON};

/// Asks Flower; status and body.
const ASK: &str = "
    import json, urllib.request, urllib.error
    def flower(path):
        try:
            with urllib.request.urlopen(FLOWER + path, timeout=20) as answer:
                return [answer.status, answer.read().decode()]
        except urllib.error.HTTPError as error:
            return [error.code, error.read().decode()]
        except OSError:
            return [0, '']
    def asked(path):
        status, body = flower(path)
        return json.loads(body) if status == 200 else {}";

struct Flower {
    url: String,
    process: Proc,
    client: Client,
}

impl Flower {
    fn start(place: &Place) -> Self {
        let client = place.client(Celery::V5_7_0);
        let port = client.returns("import socket\ns = socket.create_server(('127.0.0.1', 0))\nport = s.getsockname()[1]\ns.close()\nport");
        let url = format!("http://127.0.0.1:{port}");
        let mut command = Celery::V5_7_0.python();
        command.args(["-m", "celery", "-A", "app", "flower", "--address=127.0.0.1", &format!("--port={port}")]);
        command.envs(place.environment()).env("FLOWER_UNAUTHENTICATED_API", "true");
        let process = Proc::spawn(command);
        client.returns(&format!("FLOWER = '{url}'"));
        client.returns(ASK);
        client.until("flower('/')[0] == 200");
        Self { url, process, client }
    }

    fn asked(&self, path: &str) -> Value {
        self.client.returns(&format!("asked('{path}')"))
    }

    fn status_of(&self, path: &str) -> Value {
        self.client.returns(&format!("flower('{path}')[0]"))
    }
}

/// Flower with a worker that has done a few things.
fn with_tasks(place: &Place) -> (Flower, Proc) {
    let flower = Flower::start(place);
    let worker = place.worker("echo@here", &[("CONCURRENCY", "2")]);
    flower.client.until("asked('/api/workers?status=true').get('echo@here')");
    flower.client.returns(
        "
        for n in range(5): app.send_task('tasks.add', [n, 1], {}).get(timeout=30)
        app.send_task('tasks.fail').get(timeout=30, propagate=False)
        held = app.send_task('tasks.sleep', [600])",
    );
    flower.client.until("asked('/api/tasks?state=STARTED')");
    (flower, worker)
}

#[test]
fn flower_shows_the_worker_and_its_tasks() {
    let place = Place::redis();
    let (flower, worker) = with_tasks(&place);
    assert_eq!(flower.status_of("/worker/echo@here"), 200);
    for path in ["/workers", "/tasks", "/broker"] {
        assert_eq!(flower.status_of(path), 200, "{path}");
    }
    let page = flower.client.returns("flower('/worker/echo@here')[1]");
    let page = page.as_str().unwrap();
    assert!(page.contains("tasks.add") && page.contains("celery"), "{page}");

    let workers = flower.asked("/api/workers?refresh=true");
    let shown = &workers["echo@here"];
    assert_eq!(shown["active_queues"][0]["name"], "celery");
    assert_eq!(shown["stats"]["pool"]["max-concurrency"], 2);
    assert!(shown["registered"].as_array().unwrap().contains(&json!("tasks.add")), "{shown}");

    let done = flower
        .client
        .until("len(asked('/api/tasks?taskname=tasks.add&state=SUCCESS')) == 5 and asked('/api/tasks?taskname=tasks.add&state=SUCCESS')");
    for task in done.as_object().unwrap().values() {
        assert!(task["runtime"].as_f64().is_some_and(|runtime| (0.0..10.0).contains(&runtime)), "{task}");
        assert!(task["args"].as_str().is_some_and(|args| args.ends_with("1]") || args.ends_with("1)")), "{task}");
        assert_eq!((&task["worker"], &task["kwargs"]), (&json!("echo@here"), &json!("{}")));
        assert!(task["received"].is_number() && task["started"].is_number() && task["succeeded"].is_number(), "{task}");
        let page = flower.status_of(&format!("/task/{}", task["uuid"].as_str().unwrap()));
        assert_eq!(page, 200);
    }
    let failed = flower.asked("/api/tasks?state=FAILURE");
    assert!(failed.as_object().unwrap().values().all(|task| task["exception"] == "ValueError('boom')"), "{failed}");

    // Its buttons.
    let pressed = flower.client.returns(
        "
        def press(path, **fields):
            import urllib.parse
            request = urllib.request.Request(FLOWER + path, data=urllib.parse.urlencode(fields).encode(), method='POST')
            with urllib.request.urlopen(request, timeout=20) as answer:
                return [answer.status, json.loads(answer.read())['message']]
        [press('/api/worker/pool/grow/echo@here', n=1), press('/api/worker/pool/shrink/echo@here', n=1), press('/api/worker/queue/add-consumer/echo@here', queue='extra'),
         press('/api/worker/queue/cancel-consumer/echo@here', queue='extra'), press('/api/task/revoke/' + held.id, terminate='true')]",
    );
    assert!(pressed.as_array().unwrap().iter().all(|answer| answer[0] == 200), "{pressed}");
    flower.client.until("asked('/api/tasks?state=REVOKED')");

    worker.kill();
    flower.client.until("asked('/api/workers?status=true').get('echo@here') is False");
    assert!(flower.process.exited().is_none(), "{}", flower.process.lines().join("\n"));
}

/// For the eye: `cargo test -p viva-celery --test it -- --ignored screenshot`; the picture is in the folder that `VIVA_SCREENSHOTS` names.
#[test]
#[ignore = "needs chromium, and somebody who looks at the picture"]
fn a_screenshot_of_flower() {
    let place = Place::redis();
    let (flower, _worker) = with_tasks(&place);
    let folder = PathBuf::from(std::env::var_os("VIVA_SCREENSHOTS").expect("VIVA_SCREENSHOTS names a folder"));
    for (name, path) in [("workers", "/workers"), ("worker", "/worker/echo@here"), ("tasks", "/tasks")] {
        let picture = folder.join(format!("flower-{name}.png"));
        let mut chromium = Command::new("chromium");
        chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1400,700", "--virtual-time-budget=8000"]);
        chromium.arg(format!("--screenshot={}", picture.display())).arg(format!("{}{path}", flower.url));
        assert!(Proc::spawn(chromium).wait(Duration::from_mins(2)).success());
        eventually("the picture is there", SOON, || picture.is_file());
    }
}
