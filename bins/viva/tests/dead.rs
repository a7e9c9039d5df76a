//! `viva dead` against a live queue: what a worker set aside is listed, shown, sent again and dropped.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use std::process::{Command, Output};
use std::time::Duration;

use viva_celery::{Node, Settings};
use viva_testkit::{Rabbit, eventually};

const SOON: Duration = Duration::from_mins(1);

/// Bodies that are no JSON, and a task of nobody's that is cut off.
const SEND: &str = "
import sys
from celery import Celery
app = Celery('platform', broker=sys.argv[1])
with app.connection() as connection:
    channel = connection.default_channel
    for body in ['this is no JSON', '[[1], {']:
        headers = {'task': 'tasks.tts.synthesize', 'id': body, 'lang': 'py'}
        message = channel.prepare_message(body, content_type='application/json', content_encoding='utf-8', headers=headers, properties={'delivery_mode': 2})
        channel.basic_publish(message, exchange='', routing_key='cpu_queue')
";

fn viva(broker: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_viva"));
    command.args(["dead", "--broker-url", broker]).args(args).env_remove("BROKER_URL").output().unwrap()
}

fn says(broker: &str, args: &[&str]) -> String {
    let done = viva(broker, args);
    assert!(done.status.success(), "{args:?}: {done:?}");
    String::from_utf8(done.stdout).unwrap()
}

fn messages(rabbit: &Rabbit, queue: &str) -> u64 {
    let listed = rabbit.ctl(&["list_queues", "name", "messages"]);
    listed.lines().find_map(|line| line.strip_prefix(&format!("{queue}\t"))).map_or(0, |count| count.parse().unwrap())
}

/// Lets a worker set aside what cannot be read.
fn set_aside(rabbit: &Rabbit) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let tasks = vec!["tasks.tts.synthesize".to_owned()];
        let node = Node::start(Settings { tasks, queues: vec!["cpu_queue".to_owned()], ..Settings::new(rabbit.url()) }).unwrap();
        let broker = rabbit.url();
        eventually("it consumes", SOON, || node.is_consuming());
        let mut python = viva_testkit::python(include_str!("../../../crates/celery/tests/python/celery-5.7.0.txt"));
        assert!(python.args(["-c", SEND, &broker]).status().unwrap().success());
        eventually("both are set aside", SOON, || messages(rabbit, "viva.dead") == 2 && messages(rabbit, "cpu_queue") == 0);
        node.shutdown(Duration::ZERO, Duration::ZERO).await;
    });
}

#[test]
fn dead_letters_are_listed_shown_sent_again_and_dropped() {
    let rabbit = Rabbit::start();
    let broker = rabbit.url();
    assert!(says(&broker, &["list"]).ends_with("0 messages\n"));
    set_aside(&rabbit);

    let listed = says(&broker, &["list"]);
    assert!(listed.ends_with("2 messages\n"), "{listed}");
    let rows: Vec<&str> = listed.lines().filter(|line| line.contains("cpu_queue")).collect();
    assert_eq!(rows.len(), 2, "{listed}");
    assert!(rows.iter().all(|row| row.contains("tasks.tts.synthesize")), "{listed}");
    let id = |row: &str| row.split_whitespace().next().unwrap().to_owned();
    assert!(says(&broker, &["list", "--limit", "1"]).contains(&id(rows[0])));
    // Both were set aside at once, in any order.
    let (cut_off, whole): (Vec<&str>, Vec<&str>) = rows.iter().partition(|row| row.contains("EOF"));
    let (first, second) = (id(whole[0]), id(cut_off[0]));

    let shown = says(&broker, &["show", &first]);
    assert!(shown.contains("this is no JSON") && shown.contains("from     cpu_queue") && shown.contains(&first), "{shown}");
    let unknown = viva(&broker, &["show", "nosuch"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("no message \"nosuch\""), "{unknown:?}");

    assert_eq!(says(&broker, &["replay", &first]), "sent 1 again\n");
    eventually("it is back in its queue", SOON, || messages(&rabbit, "cpu_queue") == 1 && messages(&rabbit, "viva.dead") == 1);
    assert!(!viva(&broker, &["replay", "--all", "--to", "no_such_queue"]).status.success());
    assert_eq!(messages(&rabbit, "viva.dead"), 1, "what no queue takes stays");
    assert!(!viva(&broker, &["drop"]).status.success(), "all are dropped only where it says so");
    assert_eq!(says(&broker, &["drop", &second]), "dropped 1\n");
    assert!(says(&broker, &["list"]).ends_with("0 messages\n"));

    // A worker takes what was sent again, and sets it aside again.
    set_aside_again(&rabbit);
    assert_eq!(says(&broker, &["drop", "--all"]), "dropped 1\n");
    assert_eq!(messages(&rabbit, "viva.dead"), 0);
}

fn set_aside_again(rabbit: &Rabbit) {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let node = Node::start(Settings { queues: vec!["cpu_queue".to_owned()], ..Settings::new(rabbit.url()) }).unwrap();
        eventually("it is set aside once more", SOON, || messages(rabbit, "viva.dead") == 1);
        node.shutdown(Duration::ZERO, Duration::ZERO).await;
    });
}
