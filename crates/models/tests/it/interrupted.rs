//! Pulls that end half-way: dropped, or killed with Ctrl-C.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use viva_models::{Home, PullOptions};

use crate::fixture::{Demo, HUB, files_in};
use crate::hub_stand_in::{Fault, Hub};

/// Where the child process is told which hub and home to use.
const CHILD: &str = "VIVA_TEST_CHILD_PULLS";

fn stalling(demo: &Demo) -> Hub {
    Hub::start(&[("gguf/weights.bin", &demo.weights), ("words.txt", &demo.words)], Fault::Stall)
}

fn options(hub: &str) -> PullOptions {
    PullOptions { hub: Some(hub.to_owned()), ..PullOptions::default() }
}

fn half_is_out(hub: &Hub) {
    hub.half_sent.recv_timeout(Duration::from_mins(1)).expect("the pull asks for the body");
}

/// After the interruption: nothing under a final name, and a second pull works and clears what the first one left.
fn recovers(hub: &Hub, home: &Home, demo: &Demo) {
    assert!(!fs::exists(home.dir().join("demo/weights.bin")).unwrap());
    hub.set(Fault::None);
    let files = home.pull_blocking("demo", &options(&hub.address), &()).unwrap();
    assert_eq!(fs::read(files.model()).unwrap(), demo.weights);
    assert_eq!(files_in(home.dir()), ["demo/weights.bin", "demo/words.txt"].map(PathBuf::from));
}

#[test]
fn a_dropped_pull_leaves_no_half_file_and_can_be_started_again() {
    let demo = Demo::new();
    let hub = stalling(&demo);
    let dir = tempfile::tempdir().unwrap();
    let home = Home::with_catalogue(dir.path(), demo.catalogue(&[HUB]));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (owned, address) = (home.clone(), hub.address.clone());
    let pull = runtime.spawn(async move { owned.pull("demo", &options(&address), &()).await });
    half_is_out(&hub);
    pull.abort();
    assert!(runtime.block_on(pull).unwrap_err().is_cancelled());
    recovers(&hub, &home, &demo);
}

#[test]
fn ctrl_c_leaves_no_half_file_and_the_next_pull_clears_up() {
    let demo = Demo::new();
    let hub = stalling(&demo);
    let dir = tempfile::tempdir().unwrap();
    let home = Home::with_catalogue(dir.path(), demo.catalogue(&[HUB]));
    // A test run in the background of a script inherits that Ctrl-C is ignored; a person's terminal does not ignore it.
    let mut child = Command::new("env")
        .arg("--default-signal=INT")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "interrupted::child_that_pulls", "--ignored"])
        .env(CHILD, format!("{}|{}", hub.address, dir.path().display()))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    half_is_out(&hub);
    // What was sent is not yet what the child has written.
    let staging = dir.path().join(".staging");
    viva_testkit::eventually("the child writes to its staging folder", Duration::from_mins(1), || !files_in(&staging).is_empty());
    let sent = Command::new("sh").arg("-c").arg(format!("kill -INT {}", child.id())).status().unwrap();
    assert!(sent.success());
    assert!(!child.wait().unwrap().success());
    assert!(!files_in(&dir.path().join(".staging")).is_empty(), "the signal ended it with work on the disk");
    recovers(&hub, &home, &demo);
}

/// What the test above interrupts; by itself it is no test.
#[test]
#[ignore = "run by ctrl_c_leaves_no_half_file_and_the_next_pull_clears_up"]
fn child_that_pulls() {
    let Some((hub, dir)) = std::env::var(CHILD).ok().and_then(|v| v.split_once('|').map(|(a, b)| (a.to_owned(), b.to_owned()))) else {
        return;
    };
    let home = Home::with_catalogue(Path::new(&dir), Demo::new().catalogue(&[HUB]));
    home.pull_blocking("demo", &options(&hub), &()).unwrap();
}
