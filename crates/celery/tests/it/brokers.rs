//! Brokers that are reached in other ways: over TLS, as one of several, with quorum queues.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use viva_celery::{DeadLetters, Settings, Which};
use viva_testkit::{Certificates, Proc, Rabbit, RabbitOptions, eventually};

use super::harness::{Celery, Client, Place, SOON};

#[test]
fn a_broker_whose_authority_no_system_knows_is_believed_by_the_file_that_its_url_names() {
    let files = Arc::new(Certificates::new());
    let rabbit = Rabbit::start_with(&RabbitOptions { tls: Some(files.clone()), ..RabbitOptions::default() });
    let place = Place::at(rabbit.url(), "rpc://".to_owned());
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (authority, certificate, key) = (path(files.authority()), path(files.certificate()), path(files.key()));
    let refused = |query: &str, why: &str| {
        let url = format!("{}{query}", rabbit.tls_url());
        let worker = Proc::spawn(place.command("stranger@here", &[("BROKER_URL", &url)]));
        let said = worker.wait_for_line("the session with the broker is over", SOON);
        assert!(said.contains(why), "{said}");
        assert!(!worker.lines().iter().any(|line| line.contains("consuming broker")), "{:?}", worker.lines());
    };
    // Neither side is believed without proof.
    refused("", "ertificate");
    refused(&format!("?cacertfile={authority}"), "ertificate");

    let ours = format!("{}?ssl_ca_certs={authority}&ssl_certfile={certificate}&ssl_keyfile={key}", rabbit.tls_url());
    let worker = place.worker("echo@here", &[("BROKER_URL", &ours)]);
    let client = place.client(Celery::V5_7_0);
    assert_eq!(
        client.returns("[app.send_task('tasks.add', [n, 1]).get(timeout=30) for n in range(20)]"),
        json!((1..=20).collect::<Vec<_>>())
    );
    assert_eq!(client.returns("app.control.ping(timeout=10, limit=1)"), json!([{"echo@here": {"ok": "pong"}}]));
    let listed = rabbit.ctl(&["list_connections", "ssl", "peer_cert_subject"]);
    assert_eq!(listed.lines().filter(|line| line.contains("true") && line.contains("localhost")).count(), 3, "{listed}");
    worker.terminate();
    assert!(worker.wait(SOON).success());
}

#[test]
fn a_file_that_is_not_there_is_named_at_once() {
    let place = Place::at("amqps://guest:geheim@localhost/?cacertfile=/no/such/file.pem".to_owned(), "none".to_owned());
    let worker = Proc::spawn(place.command("echo@here", &[]));
    worker.wait_for_line("/no/such/file.pem", SOON);
    assert!(!worker.wait(SOON).success());
    assert!(!worker.lines().concat().contains("geheim"), "{:?}", worker.lines());
}

/// Of several brokers the next one is tried where one does not answer, and again when the one in use is gone.
#[test]
fn of_several_brokers_those_that_answer_are_used() {
    let (first, second) = (Rabbit::start(), Rabbit::shared());
    for between in [";", ", "] {
        // Nobody listens on port 1.
        let urls = ["amqp://guest:guest@127.0.0.1:1//".to_owned(), first.url(), second.url()].join(between);
        let worker = Place::at(urls, "none".to_owned()).worker("echo@here", &[]);
        let at = |rabbit: &Rabbit| {
            let consumers = || rabbit.ctl(&["list_consumers", "queue_name"]).lines().any(|line| line == "celery");
            eventually("it takes from the broker that answers", SOON, consumers);
        };
        at(&first);
        first.shut_down();
        at(second);
        first.start_again();
        worker.terminate();
        assert!(worker.wait(SOON).success());
    }
}

/// F9: the refused declaration costs a channel and nothing else.
#[test]
fn a_queue_that_is_there_with_other_arguments_is_used_as_it_is() {
    let place = Place::redis();
    let client = place.client(Celery::V5_7_0);
    client.share("app.conf.task_queue_max_priority = 10");
    client.returns("rs = [app.send_task('tasks.add', [n, 1], priority=n % 10) for n in range(20)]");
    let worker = place.worker("echo@here", &[]);
    worker.wait_for_line("the queue has other arguments; it is used as it is", SOON);
    assert_eq!(client.returns("sorted(r.get(timeout=60) for r in rs)"), json!((1..=20).collect::<Vec<_>>()));
    assert!(!worker.lines().iter().any(|line| line.contains("the session with the broker is over")), "{:?}", worker.lines());
    worker.terminate();
    assert!(worker.wait(SOON).success());
}

fn quorum(place: &Place) -> Client {
    let client = place.client(Celery::V5_7_0);
    client.share("app.conf.update(task_default_queue_type='quorum', worker_detect_quorum_queues=True)");
    client
}

fn list(place: &Place, rabbit: &Rabbit, columns: &[&str]) -> String {
    let vhost = place.broker.rsplit('/').next().unwrap();
    rabbit.ctl(&[&["list_queues", "-p", vhost][..], columns].concat())
}

#[test]
fn quorum_queues_are_used_where_one_setting_says_so() {
    let place = Place::redis();
    let client = quorum(&place);
    let sent = "rs = [app.send_task('tasks.add', [n, 1]) for n in range(20)] + [app.send_task('tasks.retry', [2, 0.1])]";
    client.returns(&format!("{sent}\nrs.append(app.send_task('tasks.add', [2, 3], countdown=2))"));
    let worker = place.worker("echo@here", &[("QUEUE_TYPE", "quorum")]);
    assert_eq!(client.returns("[r.get(timeout=60) for r in rs][20:]"), json!([2, 5]));
    // More of them wait for their time than the prefetch holds, and others pass them.
    client.returns("late = [app.send_task('tasks.noop', countdown=600) for _ in range(40)]");
    assert_eq!(client.returns("app.send_task('tasks.add', [1, 1]).get(timeout=60)"), 2);
    let listed = list(&place, Rabbit::shared(), &["name", "type"]);
    for queue in ["celery", "viva.dead"] {
        assert!(listed.lines().any(|line| line.split('\t').eq([queue, "quorum"])), "{listed}");
    }
    worker.terminate();
    assert!(worker.wait(SOON).success());
}

/// F10: the broker counts how often it delivered a message, and sets it aside after so often. With a dead-letter policy nothing is
/// lost: not even what the dying worker only held and never began.
#[test]
fn what_a_quorum_queue_gives_up_is_among_the_dead_and_can_be_sent_again() {
    let (place, rabbit) = (Place::redis(), Rabbit::shared());
    let vhost = place.broker.rsplit('/').next().unwrap().to_owned();
    let policy = json!({"delivery-limit": 2, "dead-letter-exchange": "", "dead-letter-routing-key": "viva.dead"}).to_string();
    rabbit.ctl(&["set_policy", "-p", &vhost, "limits", "^celery$", &policy, "--apply-to", "queues"]);
    let client = quorum(&place);
    client.returns("rs = [app.send_task('tasks.effect', [n, 12 if n < 5 else 0]) for n in range(12)]");
    let settings = [("QUEUE_TYPE", "quorum"), ("PREFETCH", "5"), ("CONCURRENCY", "1")];
    let column = |name: &str, queue: &str| {
        let listed = list(&place, rabbit, &["name", name]);
        listed.lines().find_map(|line| line.strip_prefix(&format!("{queue}\t"))).map_or(0, |count| count.parse::<u64>().unwrap())
    };
    for node in ["first@here", "second@here", "third@here"] {
        let worker = place.worker(node, &settings);
        eventually("it holds all that it may", SOON, || column("messages_unacknowledged", "celery") == 5);
        worker.kill();
        eventually("the broker has it back", SOON, || column("messages_unacknowledged", "celery") == 0);
    }
    eventually("they are set aside", SOON, || column("messages", "viva.dead") > 0);
    let last = place.worker("last@here", &[("QUEUE_TYPE", "quorum"), ("CONCURRENCY", "8")]);
    let done = || place.effects().into_iter().collect::<BTreeSet<_>>().len() as u64;
    eventually("what was not given up is done", SOON, || done() + column("messages", "viva.dead") >= 12);

    let letters = DeadLetters::new(&Settings { queue_type: viva_celery::QueueType::Quorum, ..Settings::new(&place.broker) }).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let dead = runtime.block_on(letters.list(100)).unwrap();
    println!("{} of 12 were delivered too often", dead.len());
    assert!(dead.iter().all(|letter| letter.queue == "celery" && letter.task.as_deref() == Some("tasks.effect")), "{dead:?}");
    assert!(dead.iter().all(|letter| letter.reason == "delivery_limit"), "{dead:?}");
    assert_eq!(runtime.block_on(letters.replay(&Which::All, None)).unwrap(), dead.len());
    assert_eq!(client.returns("[r.get(timeout=120) for r in rs] == list(range(12))"), true);
    assert_eq!(done(), 12);
    // Quorum queues are counted every five seconds.
    eventually("none is left", SOON, || column("messages", "viva.dead") == 0);
    last.terminate();
    assert!(last.wait(SOON).success());
}
