//! Remote control under full load: the program itself speaks on all cores, while Python's client asks how it is.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use viva_testkit::{Proc, Rabbit};

const NODE: &str = "tts@load";
const PATIENCE: Duration = Duration::from_mins(3);
/// What is promised of an undisturbed machine, and what is asserted of any: one that runs other things at once delays whom it likes.
const PROMISE: Duration = Duration::from_millis(200);
const ANYWHERE: Duration = Duration::from_secs(3);

/// Asks over one connection that stays open, first of an idle worker and then of one that speaks.
const ASK: &str = "
import json, os, sys, time
from celery import Celery
app = Celery('platform', broker=sys.argv[1], backend='rpc://')
node, pid, seconds = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
tick = os.sysconf('SC_CLK_TCK')
connection = app.connection()
def control(command, **options):
    return app.control.broadcast(command, destination=[node], reply=True, limit=1, timeout=30, connection=connection, **options)[0][node]
def cpu_s():
    return sum(int(n) for n in open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[11:13]) / tick
def ask(until):
    took = []
    while time.monotonic() < until:
        began = time.perf_counter()
        assert control('ping') == {'ok': 'pong'}
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(0.05)
    return sorted(took)
control('ping')
idle = ask(time.monotonic() + 3)
text = '지원자께서 이전 회사에서 맡으셨던 정산 시스템의 구조와, 그것을 고치면서 가장 어려웠던 결정을 설명해 주세요. '
for n in range(int(seconds) + 10):
    app.send_task('tasks.tts.synthesize', [f'{n}번 질문입니다. ' + text * 2], {'question_id': n}, queue='cpu_queue', ignore_result=True)
while not control('active'):
    pass
began, before = time.monotonic(), cpu_s()
busy = ask(began + seconds)
cores = (cpu_s() - before) / (time.monotonic() - began)
print('SAID', json.dumps({'idle': idle, 'busy': busy, 'cores': cores, 'speaks': len(control('active'))}), flush=True)
";

fn seconds() -> u64 {
    std::env::var("VIVA_TEST_LOAD_S").map_or(10, |seconds| seconds.parse().unwrap())
}

fn told(said: &Value, which: &str) -> Duration {
    let all: Vec<f64> = said[which].as_array().unwrap().iter().map(|took| took.as_f64().unwrap()).collect();
    let at = |share: f64| all[((all.len() - 1) as f64 * share) as usize];
    println!("{which}: {} pings, p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms", all.len(), at(0.5), at(0.99), at(1.0));
    Duration::from_secs_f64(at(0.99) / 1e3)
}

/// `VIVA_TEST_LOAD_S=60` for the promise's own minute; `VIVA_TEST_PROMISES=1` to assert it.
#[test]
fn remote_control_answers_while_all_cores_speak() {
    let (data, broker) = (tempfile::tempdir().unwrap(), Rabbit::shared().vhost());
    // Makes sure that the model is there before the program would fetch it.
    viva_testkit::model("kokoro");
    let mut worker = Command::new(env!("CARGO_BIN_EXE_tts-worker"));
    worker.args(["serve", "--node-name", NODE]).env("BROKER_URL", &broker).env("VIVA_DATA", data.path());
    for name in ["DATABASE_URL", "CLAIMS_URL", "AUDIO_URL", "VOICE", "RUST_LOG"] {
        worker.env_remove(name);
    }
    let worker = Proc::spawn(worker);
    worker.wait_for_line("consuming", PATIENCE);
    let mut python = viva_testkit::python(include_str!("../../../../crates/celery/tests/python/celery-5.7.0.txt"));
    python.args(["-c", ASK, &broker, NODE, &worker.pid().to_string(), &seconds().to_string()]);
    let line = Proc::spawn(python).wait_for_line("SAID ", PATIENCE + Duration::from_secs(2 * seconds()));
    let said: Value = serde_json::from_str(line.trim_start_matches("SAID ")).unwrap();
    println!("the worker computes on {:.2} cores", said["cores"].as_f64().unwrap());
    told(&said, "idle");
    let busy = told(&said, "busy");
    assert!(said["speaks"].as_u64().unwrap() > 0, "it had nothing left to say");
    let limit = if std::env::var_os("VIVA_TEST_PROMISES").is_some() { PROMISE } else { ANYWHERE };
    assert!(busy < limit, "{busy:?}");
}
