//! One computation, one effect, over several workers, on both databases and with a Redis in front of one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use viva_core::{ErrorClass, Outcome, Task, TaskError};
use viva_worker::{Asked, Dispatcher};

use crate::crew::{Stage, digest, speak};

const QUICK: Duration = Duration::from_millis(5);
const A_WHILE: Duration = Duration::from_millis(400);

fn run_of(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Success(value) => value["run"].as_u64().unwrap(),
        Outcome::Failure { message, .. } => panic!("{message}"),
    }
}

/// The log's first failure: two producers publish the same question, and the browser's polling asks again and again.
async fn question_14221_is_spoken_once(kind: &str) {
    let stage = Stage::new(kind, |_, _| Ok(A_WHILE)).await;
    let (one, two) = (stage.worker().await, stage.worker().await);
    let mut outcomes = vec![one.send(speak("왜 지원하셨나요?", 14221)).await, two.send(speak("왜 지원하셨나요?", 14221)).await];
    for poll in 0..10 {
        tokio::time::sleep(A_WHILE / 8).await;
        let asked = if poll % 2 == 0 { &one } else { &two };
        outcomes.push(asked.send(speak("왜 지원하셨나요?", 14221)).await);
    }
    for outcome in outcomes {
        assert_eq!(run_of(&outcome.await.unwrap()), 1);
    }
    assert_eq!(stage.ran(), 1);
    assert_eq!(stage.shown(), [("q_14221".to_owned(), "왜 지원하셨나요?".to_owned())]);
    one.leave().await;
    two.leave().await;
}

async fn of_a_thousand_callers_one_computes_and_all_are_answered(kind: &str) {
    let stage = Stage::new(kind, |_, _| Ok(A_WHILE)).await;
    let mut workers = Vec::new();
    for _ in 0..4 {
        workers.push(stage.worker().await);
    }
    let mut outcomes = Vec::new();
    for number in 0..1000 {
        outcomes.push(workers[number % 4].send(speak("안녕하세요.", number as i32 % 3)).await);
    }
    for outcome in outcomes {
        assert_eq!(run_of(&outcome.await.unwrap()), 1);
    }
    assert_eq!(stage.ran(), 1);
    let mut shown: Vec<_> = stage.shown().into_iter().map(|(target, _)| target).collect();
    shown.sort();
    assert_eq!(shown, ["q_0", "q_1", "q_2"], "each question's file moves once");
    for worker in workers {
        worker.leave().await;
    }
}

async fn the_same_text_for_another_question_needs_no_computation(kind: &str) {
    let stage = Stage::new(kind, |_, _| Ok(QUICK)).await;
    let worker = stage.worker().await;
    assert_eq!(worker.ask(speak("네.", 1)).await, Outcome::Success(json!({ "run": 1, "cached": false })));
    assert_eq!(worker.ask(speak("네.", 2)).await, Outcome::Success(json!({ "run": 1, "cached": true })));
    assert_eq!(stage.shown().len(), 2);
    worker.leave().await;
}

async fn a_failure_is_told_to_all_and_reused_by_none(kind: &str) {
    let (broken, goes_on) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
    let (breaks, may_go_on) = (broken.clone(), goes_on.clone());
    let stage = Stage::new(kind, move |_, _| {
        while !may_go_on.load(Ordering::SeqCst) {
            std::thread::sleep(QUICK);
        }
        if breaks.load(Ordering::SeqCst) { Err(TaskError::permanent("no such voice")) } else { Ok(QUICK) }
    })
    .await;
    let (one, two) = (stage.worker().await, stage.worker().await);
    let first = one.send(speak("네.", 1)).await;
    stage.has_run(1).await;
    let (second, third) = (speak("네.", 1), speak("네.", 2));
    let waiting = [one.send(second.clone()).await, two.send(third.clone()).await];
    // Who comes after the failure asks anew: it waits until both are there.
    stage.waits("네.", &second.id).await;
    stage.waits("네.", &third.id).await;
    goes_on.store(true, Ordering::SeqCst);
    let failure = Outcome::Failure { class: ErrorClass::Permanent, message: "no such voice".to_owned(), dead: false };
    assert_eq!(first.await.unwrap(), failure);
    for outcome in waiting {
        assert_eq!(outcome.await.unwrap(), failure);
    }
    assert_eq!(stage.ran(), 1);
    broken.store(false, Ordering::SeqCst);
    assert_eq!(run_of(&two.ask(speak("네.", 1)).await), 2, "it is computed again");
    one.leave().await;
    two.leave().await;
}

async fn what_may_pass_is_tried_again_and_whoever_waits_hears_of_the_end(kind: &str) {
    let stage = Stage::new(kind, |run, _| if run < 3 { Err(TaskError::transient("the disk is full")) } else { Ok(A_WHILE) }).await;
    let (one, two) = (stage.worker().await, stage.worker().await);
    let first = one.send(speak("네.", 1)).await;
    let second = two.send(speak("네.", 2)).await;
    assert_eq!((run_of(&first.await.unwrap()), run_of(&second.await.unwrap())), (3, 3));
    one.leave().await;
    two.leave().await;
}

async fn what_never_passes_is_told_after_the_last_attempt(kind: &str) {
    let stage = Stage::new(kind, |_, _| Err(TaskError::transient("the disk is full"))).await;
    let (one, two) = (stage.worker().await, stage.worker().await);
    let outcomes = [one.send(speak("네.", 1)).await, two.send(speak("네.", 2)).await];
    for outcome in outcomes {
        let outcome = outcome.await.unwrap();
        assert!(matches!(&outcome, Outcome::Failure { message, .. } if message.contains("the disk is full")), "{outcome:?}");
    }
    one.leave().await;
    two.leave().await;
}

async fn a_text_that_crashes_its_handler_ends_and_whoever_waits_is_told(kind: &str) {
    let stage = Stage::new(kind, |_, _| {
        std::thread::sleep(A_WHILE);
        panic!("a bug in the engine")
    })
    .await;
    let (one, two) = (stage.worker().await, stage.worker().await);
    let first = one.send(speak("네.", 1)).await;
    stage.has_run(1).await;
    let second = two.send(speak("네.", 2)).await;
    for outcome in [first, second] {
        let outcome = outcome.await.unwrap();
        assert!(matches!(outcome, Outcome::Failure { class: ErrorClass::Poison, .. }), "{outcome:?}");
    }
    assert!(stage.ran() <= 3, "{} attempts", stage.ran());
    one.leave().await;
    two.leave().await;
}

async fn an_edited_question_wins_over_an_older_task_that_comes_again(kind: &str) {
    let stage = Stage::new(kind, |_, text| Ok(if text == "옛 질문" { A_WHILE } else { QUICK })).await;
    let worker = stage.worker().await;
    let old = speak("옛 질문", 7);
    let first = worker.send(old.clone()).await;
    stage.has_run(1).await;
    run_of(&worker.ask(speak("새 질문", 7)).await);
    run_of(&first.await.unwrap());
    // The broker delivers the older task once more: it is answered, and changes nothing.
    run_of(&worker.ask(old).await);
    assert_eq!(stage.shown(), [("q_7".to_owned(), "새 질문".to_owned())]);
    // Whoever asks for the old text anew gets it.
    run_of(&worker.ask(speak("옛 질문", 7)).await);
    assert_eq!(stage.shown().last().unwrap().1, "옛 질문");
    assert_eq!(stage.ran(), 2);
    worker.leave().await;
}

async fn a_result_whose_file_is_lost_is_computed_again(kind: &str) {
    let stage = Stage::new(kind, |_, _| Ok(QUICK)).await;
    let worker = stage.worker().await;
    assert_eq!(run_of(&worker.ask(speak("네.", 1)).await), 1);
    stage.lost_files.lock().unwrap().push(digest("네.", 1));
    assert_eq!(run_of(&worker.ask(speak("네.", 1)).await), 2);
    assert_eq!(worker.ask(speak("네.", 1)).await, Outcome::Success(json!({ "run": 2, "cached": true })));
    worker.leave().await;
}

/// The one who computes leaves before it is done: whoever waits elsewhere has it computed there.
async fn a_worker_that_leaves_hands_its_computation_on(kind: &str) {
    let stage = Stage::new(kind, |run, _| Ok(if run == 1 { Duration::from_hours(1) } else { QUICK })).await;
    let (one, two) = (stage.worker_with(8, QUICK).await, stage.worker().await);
    drop(one.send(speak("네.", 1)).await);
    stage.has_run(1).await;
    let second = speak("네.", 2);
    let waiting = two.send(second.clone()).await;
    stage.waits("네.", &second.id).await;
    one.leave().await;
    assert_eq!(run_of(&waiting.await.unwrap()), 2);
    two.leave().await;
}

/// The file cannot be moved: the attempt counts, and the last one is told to everybody.
async fn what_cannot_be_shown_is_tried_as_often_as_what_cannot_be_computed(kind: &str) {
    let stage = Stage::new(kind, |_, _| Ok(A_WHILE / 4)).await;
    stage.unshowable.store(true, Ordering::SeqCst);
    let (one, two) = (stage.worker().await, stage.worker().await);
    for outcome in [one.send(speak("네.", 1)).await, two.send(speak("네.", 2)).await] {
        let outcome = outcome.await.unwrap();
        assert!(matches!(&outcome, Outcome::Failure { message, .. } if message.contains("the folder is full")), "{outcome:?}");
    }
    assert!(stage.ran() <= 10, "{} runs", stage.ran());
    one.leave().await;
    two.leave().await;
}

/// The database is killed while a text is spoken, and comes back later: the claim is not stuck, and everybody is answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_database_that_is_away_for_a_while_loses_nothing() {
    let postgres = viva_testkit::Postgres::start();
    let stage = Stage::at(&postgres.database(), None, |_, _| Ok(A_WHILE)).await;
    let (one, two) = (stage.worker().await, stage.worker().await);
    let first = one.send(speak("네.", 1)).await;
    stage.has_run(1).await;
    let second = two.send(speak("네.", 2)).await;
    tokio::time::sleep(A_WHILE / 4).await;
    postgres.crash();
    tokio::time::sleep(A_WHILE * 3).await;
    postgres.start_again();
    for outcome in [first, second] {
        assert!(run_of(&outcome.await.unwrap()) <= 3);
    }
    assert_eq!(stage.shown().len(), 2);
    one.leave().await;
    two.leave().await;
}

/// Two producers that ask again and again: one task until it is answered, then another.
async fn what_many_ask_for_is_published_once(kind: &str) {
    let broken = Arc::new(AtomicBool::new(true));
    let breaks = broken.clone();
    let stage =
        Stage::new(kind, move |_, _| if breaks.load(Ordering::SeqCst) { Err(TaskError::permanent("no voice")) } else { Ok(QUICK) }).await;
    let task = Task::bind(&speak("네.", 1)).unwrap();
    let producers = [Dispatcher::new(stage.store.clone()), Dispatcher::new(stage.store.clone())];
    let mut asks = JoinSet::new();
    for number in 0..50 {
        let (producer, task) = (producers[number % 2].clone(), task.clone());
        asks.spawn(async move { producer.ask(&task).await.unwrap() });
    }
    let asked = asks.join_all().await;
    let published: Vec<_> =
        asked.iter().filter_map(|asked| if let Asked::Published(id) = asked { Some(id.clone()) } else { None }).collect();
    assert_eq!(published.len(), 1);
    assert!(asked.iter().all(|asked| matches!(asked, Asked::Published(id) | Asked::Before(id) if *id == published[0])));

    let worker = stage.worker().await;
    assert!(worker.replies.expect(&published[0]).await.unwrap().into_result().is_err());
    broken.store(false, Ordering::SeqCst);
    // Answered, well or not: whoever asks now asks anew. The dispatch is closed right after the answer.
    let id = loop {
        match producers[1].ask(&task).await.unwrap() {
            Asked::Published(id) => break id,
            Asked::Before(id) => assert_eq!(id, published[0]),
        }
    };
    assert_eq!(run_of(&worker.replies.expect(&id).await.unwrap()), 2);
    worker.leave().await;
}

macro_rules! everywhere {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test("sqlite").await;
            })+
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test("postgres").await;
            })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $test() {
                super::$test("redis").await;
            })+
        }
    };
}

everywhere! {
    question_14221_is_spoken_once,
    of_a_thousand_callers_one_computes_and_all_are_answered,
    the_same_text_for_another_question_needs_no_computation,
    a_failure_is_told_to_all_and_reused_by_none,
    what_may_pass_is_tried_again_and_whoever_waits_hears_of_the_end,
    what_never_passes_is_told_after_the_last_attempt,
    a_text_that_crashes_its_handler_ends_and_whoever_waits_is_told,
    an_edited_question_wins_over_an_older_task_that_comes_again,
    a_result_whose_file_is_lost_is_computed_again,
    a_worker_that_leaves_hands_its_computation_on,
    what_many_ask_for_is_published_once,
    what_cannot_be_shown_is_tried_as_often_as_what_cannot_be_computed,
}
