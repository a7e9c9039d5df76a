use std::process::Command;
use std::time::Duration;

use viva_testkit::{FakeClock, Proc};

const SCRIPT: &str = "
import sys, time
for line in sys.stdin:
    print('wall', time.time(), 'monotonic', time.monotonic(), flush=True)
";

fn ask(python: &Proc, n: usize) -> (f64, f64) {
    python.send_line("now");
    let line = python.wait_for_nth_line("wall", n, Duration::from_secs(20));
    let words: Vec<&str> = line.split_whitespace().collect();
    (words[1].parse().unwrap(), words[3].parse().unwrap())
}

#[test]
fn a_clock_is_wrong_for_its_process_alone_and_jumps_while_it_runs() {
    let clock = FakeClock::ahead_by(33);
    let python = |env: Vec<(&'static str, String)>| {
        let mut command = Command::new("python3");
        command.args(["-c", SCRIPT]).envs(env);
        Proc::spawn(command)
    };
    let (wrong, right) = (python(clock.env()), python(Vec::new()));
    let ahead = |n| ask(&wrong, n).0 - ask(&right, n).0;
    assert!((ahead(1) - 33.0).abs() < 1.0);
    let before = ask(&wrong, 2).1;
    clock.jump_to(-3600);
    let after = ask(&wrong, 3).1;
    assert!((ask(&wrong, 4).0 - ask(&right, 2).0 + 3600.0).abs() < 1.0);
    assert!((0.0..20.0).contains(&(after - before)), "its monotonic clock went from {before} to {after}");
}
