//! An unchanged platform asks for a report: its own client, its own broker, worker processes that share the parts, and some that die.

use std::sync::Arc;
use std::time::Duration;

use viva_core::SystemClock;
use viva_core::store::{Store, migrate};
use viva_scoring::{Judge, Rubric, Settings};
use viva_testkit::{Postgres, Proc, Rabbit, sql_number};
use viva_worker::serve::{self, BrokerArgs, Kind};
use viva_worker::{Hung, Timing};

use crate::fixture::{INTERVIEW, Obedient, fill};

const PATIENCE: Duration = Duration::from_mins(1);
const TIMING: Timing =
    Timing { beat: Duration::from_millis(100), ttl: Duration::from_secs(4), relay: Duration::from_millis(20), hung: Hung::EndProcess };

const STAGES: [&str; 6] = ["intro", "skill", "experience", "problem_solving", "communication", "growth"];

struct Platform {
    broker: String,
    url: String,
}

impl Platform {
    /// With an interview of `answers` answers.
    fn new(answers: usize) -> Self {
        let platform = Self { broker: Rabbit::shared().vhost(), url: Postgres::shared().database() };
        let text = |number: usize| format!("저는 {number}번 질문에 정산 시스템을 만든 경험을 들어 답하겠습니다");
        let texts: Vec<String> = (0..answers).map(text).collect();
        let said: Vec<_> = texts.iter().enumerate().map(|(number, text)| (STAGES[number % STAGES.len()], text.as_str())).collect();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            migrate(&platform.url).await.unwrap();
            fill(&Store::connect(&platform.url).await.unwrap(), &said).await;
        });
        platform
    }

    /// A worker whose model thinks for `think_ms`.
    fn worker(&self, node: &str, think_ms: u64) -> Proc {
        let think_ms = think_ms.to_string();
        let env = [("TEST_DB", &self.url[..]), ("TEST_BROKER", &self.broker), ("TEST_NODE", node), ("TEST_MS", &think_ms)];
        let worker = Proc::rerun("celery::a_worker", "worker", &env);
        worker.wait_for_line("READY", PATIENCE);
        worker
    }

    /// The platform's own code asks for the report `times` times and waits for all.
    fn asks_for_the_report(&self, times: usize) -> Proc {
        let code = format!(
            "import sys\nfrom celery import Celery\napp = Celery('platform', broker=sys.argv[1], backend='rpc://')\n\
             send = lambda: app.send_task('tasks.evaluator.generate_final_report', args=[{INTERVIEW}], queue='gpu_queue')\n\
             asked = [send() for _ in range({times})]\n\
             print('ANSWERS', [task.get(timeout=60) for task in asked], flush=True)"
        );
        let mut python = viva_testkit::python(include_str!("../../../../crates/celery/tests/python/celery-5.7.0.txt"));
        python.args(["-c", &code, &self.broker]);
        Proc::spawn(python)
    }

    fn number(&self, sql: &str) -> i64 {
        sql_number(&self.url, sql)
    }

    /// Nothing is left to wait for, and every answer has the one evaluation that stands.
    fn is_done(&self, answers: i64) {
        for table in ["report_plans", "report_parts", "waiters", "outbox"] {
            assert_eq!(self.number(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
        }
        assert_eq!(self.number("SELECT COUNT(*) FROM evaluation_reports"), 1);
        assert_eq!(self.number("SELECT COUNT(*) FROM evaluations WHERE status = 'scored'"), answers);
        assert_eq!(self.number("SELECT COUNT(*) FROM transcripts WHERE total_score IS NOT NULL"), answers);
    }
}

#[test]
fn a_report_asked_for_by_the_platform_is_made_by_several_workers_once() {
    let platform = Platform::new(12);
    let workers = ["one@test", "two@test"].map(|node| platform.worker(node, 100));
    let python = platform.asks_for_the_report(3);
    assert_eq!(python.wait_for_line("ANSWERS", PATIENCE), "ANSWERS [None, None, None]");
    platform.is_done(12);
    let thoughts = workers.each_ref().map(|worker| {
        worker.terminate();
        assert!(worker.wait(PATIENCE).success());
        worker.lines().iter().filter(|line| *line == "THINKS").count()
    });
    // Twelve answers and the summary.
    assert_eq!(thoughts.iter().sum::<usize>(), 13);
    assert!(thoughts.iter().all(|&thought| thought > 0), "{thoughts:?}");
}

#[test]
fn a_worker_killed_in_the_middle_of_a_report_loses_nothing() {
    let platform = Platform::new(8);
    let victim = platform.worker("victim@test", 300);
    let python = platform.asks_for_the_report(1);
    victim.wait_for_nth_line("THINKS", 3, PATIENCE);
    let other = platform.worker("other@test", 20);
    victim.kill();
    assert_eq!(python.wait_for_line("ANSWERS", PATIENCE), "ANSWERS [None]");
    platform.is_done(8);
    other.terminate();
    assert!(other.wait(PATIENCE).success());
}

/// What the tests start; by itself it is no test.
#[test]
#[ignore = "started by the tests of the fleet"]
fn a_worker() {
    if viva_testkit::role().as_deref() != Some("worker") {
        return;
    }
    let var = |name| std::env::var(name).unwrap();
    let think = Duration::from_millis(var("TEST_MS").parse().unwrap());
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::connect(&var("TEST_DB")).await.unwrap();
        let engine = Obedient::while_all_think(move |_, _| {
            println!("THINKS");
            std::thread::sleep(think);
            Ok(())
        });
        let judge = Judge::new(engine, Rubric::builtin(), Arc::new(SystemClock), Settings::default());
        let evaluator = eval_worker::Evaluator::new(store.clone(), Arc::new(judge));
        let kind = Kind { name: "test", queues: eval_worker::QUEUES, tasks: eval_worker::TASKS, concurrency: 2.try_into().unwrap() };
        let broker = BrokerArgs { node_name: Some(var("TEST_NODE")), ..BrokerArgs::at(var("TEST_BROKER")) };
        println!("READY");
        serve::run(store, broker, kind, TIMING, |runtime, flight| evaluator.serve_on(runtime, flight)).await.unwrap();
    });
}
