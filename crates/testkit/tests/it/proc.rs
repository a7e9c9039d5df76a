use std::fs;
use std::io::stdin;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use viva_testkit::{Proc, Redis, eventually, role};

const SOON: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Proc {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Proc::spawn(command)
}

/// Whether a process of that id is there and not a zombie.
fn runs(pid: &str) -> bool {
    state(pid).is_some_and(|state| state != "Z")
}

fn state(pid: &str) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().next().map(str::to_owned)
}

#[test]
fn lines_of_both_streams_are_kept_and_waited_for() {
    let proc = shell("echo one; echo two >&2; read line; echo got $line; echo two; exit 3");
    assert_eq!(proc.wait_for_line("on", SOON), "one");
    proc.wait_for_line("two", SOON);
    assert_eq!(proc.exited(), None);
    proc.send_line("a word");
    assert_eq!(proc.wait_for_line("got", SOON), "got a word");
    assert_eq!(proc.wait_for_nth_line("two", 2, SOON), "two");
    assert_eq!(proc.wait(SOON).code(), Some(3));
    assert_eq!(proc.lines().len(), 4);
}

#[test]
#[should_panic(expected = "no line 1 with \"never\"")]
fn a_line_that_cannot_come_any_more_is_not_waited_for() {
    shell("echo something else").wait_for_line("never", Duration::from_hours(1));
}

#[test]
fn the_end_of_stdin_is_seen() {
    let proc = shell("cat; echo end");
    proc.send_line("hello");
    proc.close_stdin();
    assert!(proc.wait(SOON).success());
    assert_eq!(proc.wait_for_line("end", SOON), "end");
}

#[test]
fn a_stopped_process_does_nothing_until_it_goes_on() {
    let proc = shell("while read line; do echo got $line; done");
    proc.send_line("1");
    proc.wait_for_line("got 1", SOON);
    proc.stop();
    let pid = proc.pid().to_string();
    eventually("it is stopped", SOON, || state(&pid).as_deref() == Some("T"));
    proc.send_line("2");
    thread::sleep(Duration::from_millis(200));
    assert_eq!(proc.lines().len(), 1, "frozen: it cannot have read the second line");
    proc.cont();
    proc.wait_for_line("got 2", SOON);
}

#[test]
fn a_polite_end_can_be_handled_and_a_kill_cannot() {
    let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let polite = shell(script);
    polite.wait_for_line("ready", SOON);
    polite.terminate();
    assert!(polite.wait(SOON).success());
    polite.wait_for_line("bye", SOON);

    let killed = shell(script);
    killed.wait_for_line("ready", SOON);
    killed.kill();
    assert_eq!(killed.wait(SOON).signal(), Some(9));
    assert_eq!(killed.lines(), ["ready"]);
}

#[test]
fn a_dropped_process_takes_its_family_along_even_when_stopped() {
    // The second grandchild leaves the group, as a Postgres backend does.
    let proc = shell("sleep 1000 & echo pid $!; setsid sleep 1000 & echo pid $!; wait");
    proc.wait_for_nth_line("pid", 2, SOON);
    let mut pids: Vec<_> = proc.lines().iter().map(|line| line.replace("pid ", "")).collect();
    pids.push(proc.pid().to_string());
    eventually("all three run", SOON, || pids.iter().all(|pid| runs(pid)));
    proc.stop();
    drop(proc);
    assert!(pids.iter().all(|pid| !runs(pid)), "{pids:?}");
}

#[test]
fn a_test_function_plays_a_process() {
    if role().as_deref() == Some("echo") {
        println!("my word is {}", std::env::var("WORD").unwrap());
        let mut line = String::new();
        stdin().read_line(&mut line).unwrap();
        println!("heard {line}");
        return;
    }
    let child = Proc::rerun("proc::a_test_function_plays_a_process", "echo", &[("WORD", "moss")]);
    child.wait_for_line("my word is moss", SOON);
    child.send_line("fern");
    child.wait_for_line("heard fern", SOON);
    assert!(child.wait(SOON).success());
}

#[test]
fn nothing_outlives_a_killed_test_process() {
    if role().as_deref() == Some("tests") {
        let server = Redis::start();
        println!("pid={}", server.pid());
        std::mem::forget(server);
        Proc::rerun("proc::nothing_outlives_a_killed_test_process", "hang", &[]).wait(SOON * 10);
        return;
    }
    if role().is_some() {
        loop {
            thread::park();
        }
    }
    let child = Proc::rerun("proc::nothing_outlives_a_killed_test_process", "tests", &[]);
    let line = child.wait_for_line("pid=", SOON);
    let server = line.split('=').next_back().unwrap();
    let folder = fs::read_link(format!("/proc/{server}/cwd")).unwrap();
    assert!(runs(server) && folder.is_dir());
    // As the kernel's killer for want of memory would: nothing of its own is run.
    let killed = Command::new("kill").args(["-KILL", &child.pid().to_string()]).status().unwrap();
    assert!(killed.success());
    eventually("the server has ended", SOON, || !runs(server));
    eventually("its folder is gone", SOON, || !folder.exists());
}
