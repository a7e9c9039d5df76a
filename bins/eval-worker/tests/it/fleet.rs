//! One report over several worker processes: how much faster it gets, and what becomes of it when they die at any step.

use std::sync::Arc;
use std::time::Duration;

use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use viva_core::SystemClock;
use viva_core::store::{Store, migrate};
use viva_llm::Part;
use viva_scoring::{Judge, Rubric, Settings};
use viva_testkit::{Postgres, Proc, Rabbit, sql_number};
use viva_worker::serve::{self, BrokerArgs, Kind};
use viva_worker::{Hung, Timing};

use crate::fixture::{INTERVIEW, Obedient, fill};
use crate::sample::sample;

const PATIENCE: Duration = Duration::from_mins(1);
const TIMING: Timing =
    Timing { beat: Duration::from_millis(100), ttl: Duration::from_secs(4), relay: Duration::from_millis(20), hung: Hung::EndProcess };

/// Steps of a report's job, in the order in which the first worker comes by them. At each of them a worker dies.
const STEPS: [&str; 10] =
    ["planning", "planned", "arrived", "claimed", "computed", "settling", "settled", "landing", "landed", "concluding"];

struct Platform {
    broker: String,
    url: String,
    answers: i64,
}

impl Platform {
    fn new(said: &[(String, String)]) -> Self {
        let platform = Self { broker: Rabbit::shared().vhost(), url: Postgres::shared().database(), answers: said.len() as i64 };
        let said: Vec<(&str, &str)> = said.iter().map(|(stage, text)| (stage.as_str(), text.as_str())).collect();
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            migrate(&platform.url).await.unwrap();
            fill(&Store::connect(&platform.url).await.unwrap(), &said).await;
        });
        platform
    }

    /// A worker that thinks about one answer at a time, `us` microseconds for each of its letters, and stands still at `halt`.
    fn worker(&self, node: &str, us: u64, halt: &str) -> Proc {
        let (node, us) = (format!("{node}@test"), us.to_string());
        let env = [("TEST_DB", &self.url[..]), ("TEST_BROKER", &self.broker), ("TEST_NODE", &node), ("TEST_US", &us), ("TEST_HALT", halt)];
        let worker = Proc::rerun("fleet::a_worker", "fleet worker", &env);
        worker.wait_for_line("READY", PATIENCE);
        worker
    }

    /// The platform's own code asks for the report and waits; it says how many seconds that took.
    fn asks(&self) -> Proc {
        let code = format!(
            "import sys, time\nfrom celery import Celery\napp = Celery('platform', broker=sys.argv[1], backend='rpc://')\n\
             begin = time.monotonic()\n\
             task = app.send_task('tasks.evaluator.generate_final_report', args=[{INTERVIEW}], queue='gpu_queue')\n\
             print('ASKED', flush=True)\nresult = task.get(timeout=120)\n\
             print('ANSWER', result, time.monotonic() - begin, flush=True)"
        );
        let mut python = viva_testkit::python(include_str!("../../../../crates/celery/tests/python/celery-5.7.0.txt"));
        python.args(["-c", &code, &self.broker]);
        Proc::spawn(python)
    }

    /// Nothing is left to wait for, every answer has one evaluation that stands, and all of it is in the log.
    fn is_done(&self) {
        let number = |sql: &str| sql_number(&self.url, sql);
        for table in ["report_plans", "report_parts", "waiters", "outbox"] {
            assert_eq!(number(&format!("SELECT COUNT(*) FROM {table}")), 0, "{table}");
        }
        assert_eq!(number("SELECT COUNT(*) FROM evaluation_reports"), 1);
        assert_eq!(number("SELECT COUNT(*) FROM evaluations WHERE status = 'scored'"), self.answers);
        assert_eq!(number("SELECT COUNT(*) FROM evaluations"), self.answers);
        assert_eq!(number("SELECT COUNT(*) FROM audit_log"), self.answers);
        assert_eq!(number("SELECT COUNT(*) FROM transcripts WHERE total_score IS NOT NULL"), self.answers);
    }
}

fn short_answers(count: usize) -> Vec<(String, String)> {
    let stages = ["intro", "skill", "experience", "problem_solving", "communication", "growth"];
    let text = |number: usize| format!("저는 {number}번 질문에 정산 시스템을 만든 경험을 들어 답하겠습니다");
    (0..count).map(|number| (stages[number % stages.len()].to_owned(), text(number))).collect()
}

/// One worker after the other is killed, each at the next step; whoever comes takes up what they left.
#[test]
fn workers_killed_at_every_step_lose_nothing() {
    let platform = Platform::new(&short_answers(12));
    let mut victims = vec![platform.worker("victim-planning", 100, STEPS[0])];
    let python = platform.asks();
    for (step, next) in STEPS.iter().zip(STEPS.iter().skip(1).map(Some).chain([None])) {
        let victim = victims.pop().unwrap();
        victim.wait_for_line(&format!("HALTED {step}"), PATIENCE);
        victim.kill();
        victims.extend(next.map(|next| platform.worker(&format!("victim-{next}"), 100, next)));
    }
    let last = platform.worker("last", 100, "none");
    assert!(python.wait_for_line("ANSWER", PATIENCE).starts_with("ANSWER None"));
    platform.is_done();
    last.terminate();
    assert!(last.wait(PATIENCE).success());
}

#[test]
#[ignore = "a measurement: wall times of 1, 2 and 4 processes"]
fn seventeen_answers_over_one_two_and_four_workers() {
    let mut walls = Vec::new();
    for workers in [1, 2, 4] {
        let said: Vec<(String, String)> = sample("ko").questions.into_iter().map(|question| (question.stage, question.answer)).collect();
        let said: Vec<_> =
            said.into_iter().zip(short_answers(17)).map(|((stage, text), (_, more))| (stage, format!("{text} {more}"))).collect();
        let platform = Platform::new(&said);
        let fleet: Vec<Proc> = (0..workers).map(|number| platform.worker(&format!("worker{number}"), 6_000, "none")).collect();
        let python = platform.asks();
        let answer = python.wait_for_line("ANSWER", 2 * PATIENCE);
        let wall: f64 = answer.rsplit(' ').next().unwrap().parse().unwrap();
        platform.is_done();
        println!("{workers} workers: {wall:.2} s");
        walls.push(wall);
        for worker in fleet {
            worker.terminate();
            assert!(worker.wait(PATIENCE).success());
        }
    }
    println!("2 workers {:.2} times as fast, 4 workers {:.2} times", walls[0] / walls[1], walls[0] / walls[2]);
    assert!(walls[0] / walls[2] >= 3.5, "{walls:?}");
}

/// What the tests start; by itself it is no test.
#[test]
#[ignore = "started by the tests of the fleet"]
fn a_worker() {
    if viva_testkit::role().as_deref() != Some("fleet worker") {
        return;
    }
    let var = |name| std::env::var(name).unwrap();
    let halt = Halt(var("TEST_HALT"));
    let filter = tracing_subscriber::filter::LevelFilter::DEBUG;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(halt.with_filter(filter))).unwrap();
    let us: u64 = var("TEST_US").parse().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::connect(&var("TEST_DB")).await.unwrap();
        // As a model does: the longer the answer, the longer it takes. One answer at a time, the summary like a short one.
        let engine = Obedient::while_all_think(move |request, _| {
            let parts = request.messages.iter().flat_map(|message| &message.parts);
            let letters = parts.map(|part| if let Part::Data(text) = part { text.chars().count() } else { 0 }).max().unwrap_or_default();
            std::thread::sleep(Duration::from_micros(us * letters as u64));
            Ok(())
        });
        let judge = Judge::new(engine, Rubric::builtin(), Arc::new(SystemClock), Settings::default());
        let evaluator = eval_worker::Evaluator::new(store.clone(), Arc::new(judge));
        let kind = Kind { name: "test", queues: eval_worker::QUEUES, tasks: eval_worker::TASKS, concurrency: 1.try_into().unwrap() };
        let broker = BrokerArgs { node_name: Some(var("TEST_NODE")), ..BrokerArgs::at(var("TEST_BROKER")) };
        println!("READY");
        serve::run(store, broker, kind, TIMING, |runtime, flight| evaluator.serve_on(runtime, flight)).await.unwrap();
    });
}

/// Stands still at a step that is logged.
struct Halt(String);

#[derive(Default)]
struct Step(Option<String>);

impl tracing::field::Visit for Step {
    fn record_str(&mut self, field: &tracing::field::Field, value: &str) {
        if field.name() == "step" {
            self.0 = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &tracing::field::Field, _: &dyn std::fmt::Debug) {}
}

impl<S: tracing::Subscriber> Layer<S> for Halt {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut step = Step::default();
        event.record(&mut step);
        if step.0.as_deref() == Some(&self.0) {
            println!("HALTED {}", self.0);
            loop {
                std::thread::park();
            }
        }
    }
}
