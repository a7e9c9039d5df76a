//! An unchanged platform has a resume embedded and an interview led: its own client, its own broker, two worker processes.

use std::time::Duration;

use serde_json::{Value, json};
use viva_testkit::{Postgres, Proc, Rabbit, sql_number};
use viva_worker::serve::{self, BrokerArgs, Kind};
use viva_worker::{Hung, Timing};

use crate::interviewer::{INTERVIEW, RESUME, Stage, Talker, Words};

const PATIENCE: Duration = Duration::from_mins(1);
const TIMING: Timing =
    Timing { beat: Duration::from_millis(100), ttl: Duration::from_secs(4), relay: Duration::from_millis(20), hung: Hung::EndProcess };
const FOLLOW_UP: &str = "그 프록시는 언제 커밋하는지 더 설명해 주시겠습니까?";

struct Platform {
    broker: String,
    url: String,
}

impl Platform {
    fn new() -> Self {
        let platform = Self { broker: Rabbit::shared().vhost(), url: Postgres::shared().database() };
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let stage = Stage::at(&platform.url, Talker::asking(FOLLOW_UP), Words::new()).await;
            stage.said("skill", "프록시가 트랜잭션을 열고 메서드가 끝나면 커밋합니다").await;
        });
        platform
    }

    fn worker(&self, node: &str) -> Proc {
        let env = [("TEST_DB", &self.url[..]), ("TEST_BROKER", &self.broker), ("TEST_NODE", node)];
        let worker = Proc::rerun("question_celery::a_worker", "worker", &env);
        worker.wait_for_line("READY", PATIENCE);
        worker
    }

    /// Runs `code` with the platform's `send`; what it leaves in `said`.
    fn runs(&self, code: &str) -> Value {
        let app = "import json, sys\nfrom celery import Celery\n\
                   app = Celery('platform', broker=sys.argv[1], backend='rpc://')\n\
                   def send(name, *args, **kwargs):\n    \
                       return app.send_task('tasks.' + name, args=list(args), kwargs=kwargs, queue='gpu_queue')\n";
        let mut python = viva_testkit::python(include_str!("../../../../crates/celery/tests/python/celery-5.7.0.txt"));
        python.args(["-c", &format!("{app}{code}\nprint('SAID', json.dumps(said), flush=True)"), &self.broker]);
        let line = Proc::spawn(python).wait_for_line("SAID ", PATIENCE);
        serde_json::from_str(line.trim_start_matches("SAID ")).unwrap()
    }

    fn count(&self, table: &str) -> i64 {
        sql_number(&self.url, &format!("SELECT COUNT(*) FROM {table}"))
    }
}

fn leave(workers: &[Proc]) {
    for worker in workers {
        worker.terminate();
        assert!(worker.wait(PATIENCE).success());
    }
}

#[test]
fn a_resume_is_embedded_once_and_the_platform_sees_it_completed() {
    let platform = Platform::new();
    let workers = ["one@test", "two@test"].map(|node| platform.worker(node));
    let code = format!(
        "asked = [send('resume_pipeline.generate_embeddings', {RESUME}) for _ in range(5)]\n\
         asked.append(send('resume_pipeline.generate_embeddings', resume_id={RESUME}))\n\
         said = [task.get(timeout=50) for task in asked]"
    );
    assert_eq!(platform.runs(&code), json!([null, null, null, null, null, null]));
    assert_eq!(platform.count("resume_chunks"), 3);
    assert_eq!(Postgres::shared().sql(&platform.url, "SELECT processing_status FROM resumes"), "completed");
    let refused = "try: said = send('resume_pipeline.generate_embeddings', 99).get(timeout=50)\n\
                   except ValueError as error: said = str(error)";
    assert_eq!(platform.runs(refused), json!("there is no row 99 in resumes"));
    let read: usize = workers.each_ref().map(|worker| worker.lines().iter().filter(|line| *line == "READS").count()).iter().sum();
    assert_eq!(read, 1);
    leave(&workers);
}

#[test]
fn the_next_question_is_made_once_and_sent_to_be_spoken() {
    let platform = Platform::new();
    let workers = ["one@test", "two@test"].map(|node| platform.worker(node));
    let code = format!(
        "warm = send('question_generation.preload_model').get(timeout=50)\n\
         asked = [send('question_generation.generate_next_question', {INTERVIEW}) for _ in range(4)]\n\
         said = [warm] + [task.get(timeout=50) for task in asked]"
    );
    let said = platform.runs(&code);
    assert_eq!(said[0], json!({ "status": "success", "message": "talker is loaded" }));
    let id = sql_number(&platform.url, "SELECT question_id FROM next_questions");
    let expected = json!({ "status": "success", "stage": "skill_followup", "question": FOLLOW_UP, "question_id": id });
    assert_eq!(said.as_array().unwrap()[1..], [(); 4].map(|()| expected.clone()));
    assert_eq!((platform.count("next_questions"), platform.count("questions")), (1, 2));
    let asked = "SELECT speaker || '|' || text FROM transcripts ORDER BY \"order\" DESC LIMIT 1";
    assert_eq!(Postgres::shared().sql(&platform.url, asked), format!("AI|{FOLLOW_UP}"));

    // The platform's voice gets what the platform itself would have sent; the templates to come have no question yet.
    let spoken = "said = []\nwith app.connection() as connection:\n    \
                      queue = connection.SimpleQueue('cpu_queue', queue_opts={'durable': True})\n    \
                      for _ in range(4):\n        \
                          message = queue.get(timeout=50)\n        \
                          said.append([message.headers['task'], message.payload[0], message.payload[1]])\n        \
                          message.ack()";
    let spoken = platform.runs(spoken);
    let speak = json!(["tasks.tts.synthesize", [FOLLOW_UP], { "language": "ko", "speed": 1.0, "question_id": id }]);
    assert_eq!(spoken[0], speak);
    assert!(spoken.as_array().unwrap()[1..].iter().all(|task| task[0] == speak[0] && task[2]["question_id"].is_null()), "{spoken}");
    leave(&workers);
}

/// What the tests start; by itself it is no test.
#[test]
#[ignore = "started by the tests of the platform"]
fn a_worker() {
    if viva_testkit::role().as_deref() != Some("worker") {
        return;
    }
    let var = |name| std::env::var(name).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = viva_core::store::Store::connect(&var("TEST_DB")).await.unwrap();
        let engine = Talker::saying(|_, _| {
            std::thread::sleep(Duration::from_millis(200));
            Ok(json!({ "question": FOLLOW_UP }).to_string())
        });
        let words = Words::of("words", || {
            println!("READS");
            std::thread::sleep(Duration::from_millis(200));
        });
        let retriever = std::sync::Arc::new(viva_retrieval::Retriever::new(words));
        let resumes = eval_worker::resume::Resumes::new(store.clone(), retriever);
        let interviewer = eval_worker::Interviewer::new(store.clone(), engine, Some(resumes));
        let kind = Kind { name: "test", queues: &["gpu_queue"], tasks: eval_worker::INTERVIEW_TASKS, concurrency: 4.try_into().unwrap() };
        let broker = BrokerArgs { node_name: Some(var("TEST_NODE")), ..BrokerArgs::at(var("TEST_BROKER")) };
        println!("READY");
        serve::run(store, broker, kind, TIMING, |runtime, flight| interviewer.serve_on(runtime, flight)).await.unwrap();
    });
}
