//! An unchanged platform asks: its own client, its own broker, two workers that share the queue.

use serde_json::Value;
use viva_core::task::{Synthesize, Task};
use viva_testkit::{Proc, Rabbit};

use crate::crew::{PATIENCE, Place, block_on, counters};

const TEXT: &str = "왜 우리 회사에 지원하셨나요?";

/// Runs `code` with the platform's `app`; what it leaves in `said`.
fn platform(broker: &str, code: &str) -> Value {
    let python = asking(broker, code);
    let line = python.wait_for_line("SAID ", PATIENCE);
    serde_json::from_str(line.trim_start_matches("SAID ")).unwrap()
}

/// The same, without waiting for it.
fn asking(broker: &str, code: &str) -> Proc {
    let app = "import json, sys\nfrom celery import Celery\nfrom celery.exceptions import NotRegistered\n\
               app = Celery('platform', broker=sys.argv[1], backend='rpc://')\n\
               def synthesize(text, question_id, **options):\n    \
                   kwargs = {'language': 'ko', 'speed': 1.0, 'question_id': question_id, **options}\n    \
                   return app.send_task('tasks.tts.synthesize', args=[text], kwargs=kwargs, queue='cpu_queue')\n";
    let mut python = viva_testkit::python(include_str!("../../../../crates/celery/tests/python/celery-5.7.0.txt"));
    python.args(["-c", &format!("{app}{code}\nprint('SAID', json.dumps(said), flush=True)"), broker]);
    Proc::spawn(python)
}

fn leave(worker: &Proc) -> Value {
    worker.terminate();
    counters(worker)
}

fn of(counters: &[Value], name: &str) -> u64 {
    counters.iter().filter_map(|counted| counted[name].as_u64()).sum()
}

#[test]
fn two_equal_tasks_sent_at_once_are_spoken_once_and_both_are_answered() {
    let (place, broker) = (Place::new("postgres"), Rabbit::shared().vhost());
    let workers = ["one@test", "two@test"].map(|node| place.worker_of(&broker, node, 500, "none"));
    let ask = format!("asked = [synthesize('{TEXT}', 14221) for _ in range(2)]\nsaid = [task.get(timeout=30) for task in asked]");
    let said = platform(&broker, &ask);
    for answer in said.as_array().unwrap() {
        assert_eq!((&answer["status"], &answer["audio_size_bytes"]), (&"success".into(), &said[0]["audio_size_bytes"]));
        assert!(answer["duration_ms"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(place.spoken(), [TEXT]);
    assert!(place.audio("q_14221.wav").is_file());
    let counted = workers.each_ref().map(leave);
    assert_eq!(of(&counted, "viva_computations_total"), 1);
    assert_eq!(of(&counted, "viva_waiters_answered_total") + of(&counted, "viva_results_reused_total"), 1);
}

#[test]
fn what_was_asked_wrongly_is_told_in_pythons_words() {
    let (place, broker) = (Place::new("sqlite"), Rabbit::shared().vhost());
    let worker = place.worker_of(&broker, "tts@test", 0, "none");
    let ask = "said = []\n\
               wrong = [synthesize('', 1), synthesize('안녕하세요', 1, speed=9), synthesize('안녕하세요', 1, pitch=2),\n\
                        app.send_task('tasks.tts.synthesize', queue='cpu_queue'), app.send_task('tasks.stt.recognize', queue='cpu_queue')]\n\
               for task in wrong:\n    \
                   try: task.get(timeout=30)\n    \
                   except Exception as error: said.append([type(error).__name__, str(error)])";
    let said = platform(&broker, ask);
    let expected = [
        ("ValueError", "text"),
        ("ValueError", "speed"),
        ("ValueError", "there is no argument \"pitch\""),
        ("ValueError", "the argument \"text\" is missing"),
        ("NotRegistered", "tasks.stt.recognize"),
    ];
    for (said, (kind, part)) in said.as_array().unwrap().iter().zip(expected) {
        assert_eq!(said[0], kind, "{said}");
        assert!(said[1].as_str().unwrap().contains(part), "{said} lacks {part}");
    }
    assert_eq!(said.as_array().unwrap().len(), expected.len());
    leave(&worker);
}

#[test]
fn a_worker_that_is_told_to_leave_answers_what_it_began() {
    let (place, broker) = (Place::new("sqlite"), Rabbit::shared().vhost());
    let worker = place.worker_of(&broker, "tts@test", 1500, "none");
    let python = asking(&broker, &format!("said = synthesize('{TEXT}', 7).get(timeout=30)"));
    worker.wait_for_line("STEP speaking", PATIENCE);
    let counted = leave(&worker);
    let said = python.wait_for_line("SAID ", PATIENCE);
    assert!(said.contains("\"status\": \"success\""), "{said}");
    assert_eq!(of(&[counted], "viva_computations_total"), 1);
}

/// The broker delivers the dead worker's task again, the others take up its claim: one effect, and the client is answered.
fn killed_at(step: &str, spoken: usize) {
    let (place, broker) = (Place::new("postgres"), Rabbit::shared().vhost());
    let victim = place.worker_of(&broker, "victim@test", 300, step);
    let python = asking(&broker, &format!("said = synthesize('{TEXT}', 7).get(timeout=60)"));
    victim.wait_for_line("HALTED", PATIENCE);
    let other = place.worker_of(&broker, "other@test", 10, "none");
    victim.kill();
    let said = python.wait_for_line("SAID ", PATIENCE);
    assert!(said.contains("\"status\": \"success\""), "{step}: {said}");
    assert_eq!(place.spoken().len(), spoken, "{step}");
    assert_eq!(place.number("SELECT COUNT(*) FROM speech_clips"), 1, "{step}");
    leave(&other);
    assert_eq!(place.number("SELECT COUNT(*) FROM waiters") + place.number("SELECT COUNT(*) FROM outbox"), 0, "{step}");
}

#[test]
fn a_worker_killed_with_a_claim_loses_nothing() {
    killed_at("claimed", 1);
}

#[test]
fn a_worker_killed_after_its_commit_loses_nothing() {
    killed_at("settled", 1);
}

#[test]
fn a_worker_killed_before_its_commit_loses_nothing() {
    killed_at("computed", 2);
}

/// What a gateway asks for leaves through whichever worker relays it, and goes where the platform's own tasks go.
#[test]
fn what_is_dispatched_goes_to_the_queue_of_its_kind() {
    let (place, broker) = (Place::new("sqlite"), Rabbit::shared().vhost());
    let sent = "app.send_task('another.workers.task', queue='gpu_queue')\nsaid = 1";
    platform(&broker, sent);
    let worker = place.worker_of(&broker, "tts@test", 0, "none");
    block_on(async {
        let dispatcher = viva_worker::Dispatcher::new(viva_core::store::Store::connect(&place.url).await.unwrap());
        dispatcher.ask(&Task::GenerateFinalReport { interview_id: 7 }).await.unwrap();
        let speak =
            Synthesize { text: TEXT.to_owned(), language: "ko".to_owned(), speed: 1.0, question_id: Some(7), voice: None, format: None };
        dispatcher.ask(&Task::Synthesize(speak)).await.unwrap();
    });
    let taken = "said = []\n\
                 with app.connection() as connection:\n    \
                     queue = connection.SimpleQueue('gpu_queue')\n    \
                     for _ in range(2):\n        \
                         message = queue.get(timeout=30)\n        \
                         said.append(message.headers['task'])\n        \
                         message.ack()";
    let said = platform(&broker, taken);
    assert_eq!(said, serde_json::json!(["another.workers.task", "tasks.evaluator.generate_final_report"]));
    viva_testkit::eventually("the question is spoken", PATIENCE, || place.audio("q_7.wav").is_file());
    leave(&worker);
}
