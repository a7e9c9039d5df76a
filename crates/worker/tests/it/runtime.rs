//! The class of an error decides what becomes of a delivery, and nothing that a handler does takes the worker down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::sync::Barrier;
use viva_core::Outcome;
use viva_core::state::State;
use viva_core::{ErrorClass, Task, TaskError};
use viva_worker::{Drained, Queue as _};

use crate::harness::{Worker, message, report};

#[tokio::test(start_paused = true)]
async fn whoever_asks_gets_the_result() {
    let worker = Worker::start(1, |task, context| async move {
        let Task::GenerateFinalReport { interview_id } = task else { panic!("another task") };
        Ok(json!({"interview": interview_id, "attempt": context.attempt, "id": context.message.id}))
    });
    let asked = report(153);
    let outcome = worker.ask(asked.clone()).await;
    assert_eq!(outcome.state(), State::Succeeded);
    assert_eq!(outcome.into_result().unwrap(), json!({"interview": 153, "attempt": 1, "id": asked.id}));
    assert_eq!(worker.stop().await, Drained { settled: 1, handed_back: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_transient_error_is_tried_again_until_it_passes() {
    let worker = Worker::start(1, |_, context| async move {
        if context.attempt < 3 { Err(TaskError::transient("not yet")) } else { Ok(json!(context.attempt)) }
    });
    assert_eq!(worker.ask(report(1)).await, Outcome::Success(json!(3)));
    assert_eq!(worker.ran(), 3);
    assert!(worker.queue.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn attempts_come_to_an_end_and_the_message_is_set_aside() {
    let worker = Worker::start(1, |_, _| async { Err(TaskError::transient("the disk is full")) });
    let asked = report(1);
    let outcome = worker.ask(asked.clone()).await;
    let dead = Outcome::Failure { class: ErrorClass::Transient, message: "the disk is full".to_owned(), dead: true };
    assert_eq!((outcome.state(), outcome), (State::Dead, dead));
    assert_eq!(worker.ran(), 5);
    let queue = worker.queue.clone();
    worker.stop().await;
    let letters = queue.dead_letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((&letters[0].message, &letters[0].reason[..]), (&asked, "the disk is full"));
}

#[tokio::test(start_paused = true)]
async fn a_permanent_error_is_told_at_once_and_not_tried_again() {
    let worker = Worker::start(1, |_, _| async { Err(TaskError::permanent("there is no interview 1")) });
    let outcome = worker.ask(report(1)).await;
    assert_eq!(outcome.state(), State::Failed);
    assert_eq!(outcome.into_result().unwrap_err(), "there is no interview 1");
    assert_eq!(worker.ran(), 1);
    assert!(worker.queue.dead_letters().is_empty());
}

#[tokio::test(start_paused = true)]
async fn poison_is_set_aside_on_first_sight() {
    let worker = Worker::start(1, |_, _| async { Err(TaskError::new(ErrorClass::Poison, "unreadable")) });
    assert_eq!(worker.ask(report(1)).await.state(), State::Dead);
    assert_eq!(worker.ran(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_claim_says_nothing_to_anybody() {
    let worker = Worker::start(1, |_, _| async { Err(TaskError::new(ErrorClass::LostClaim, "epoch 2 has it")) });
    let asked = report(1);
    let mut outcome = worker.replies.expect(&asked.id);
    worker.queue.publish(asked).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    assert!(outcome.try_recv().is_err());
    assert_eq!(worker.stop().await, Drained { settled: 1, handed_back: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_told_by_its_words_and_takes_nothing_else_down() {
    let worker = Worker::start(1, |task, _| async move {
        let Task::GenerateFinalReport { interview_id } = task else { unreachable!() };
        match interview_id {
            1 => panic!("index {} is out of bounds", 7),
            2 => panic!("a plain message"),
            _ => Ok(json!(null)),
        }
    });
    let said = [worker.ask(report(1)).await, worker.ask(report(2)).await].map(|outcome| {
        assert_eq!(outcome.state(), State::Dead);
        outcome.into_result().unwrap_err()
    });
    assert_eq!(said, ["the handler panicked: index 7 is out of bounds", "the handler panicked: a plain message"]);
    assert_eq!(worker.ran(), 4, "each was given a second chance");
    assert_eq!(worker.ask(report(3)).await.state(), State::Succeeded);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_bind_is_answered_without_a_handler() {
    let worker = Worker::start(1, |_, _| async { Ok(json!(null)) });
    for (task, args, expected) in [
        ("tasks.stt.recognize", vec![], "no task is called"),
        ("tasks.evaluator.generate_final_report", vec![], "\"interview_id\" is missing"),
        ("tasks.tts.synthesize", vec![json!("text")], "this worker has no handler for tasks.tts.synthesize"),
    ] {
        let outcome = worker.ask(message(task, args)).await;
        assert_eq!(outcome.state(), State::Failed);
        let said = outcome.into_result().unwrap_err();
        assert!(said.contains(expected), "{said}");
    }
    assert_eq!(worker.ran(), 0);
}

#[tokio::test(start_paused = true)]
async fn as_many_run_at_once_as_were_asked_for() {
    let together = Arc::new(Barrier::new(4));
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, seen) = (now.clone(), most.clone());
    let worker = Worker::start(4, move |_, _| {
        let (together, running, seen) = (together.clone(), running.clone(), seen.clone());
        async move {
            seen.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // Nobody passes before four are here: fewer at once would hang, more would be counted.
            together.wait().await;
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok(json!(null))
        }
    });
    let asked: Vec<_> = (0..12).map(report).collect();
    let outcomes: Vec<_> = asked.iter().map(|message| worker.replies.expect(&message.id)).collect();
    for message in asked {
        worker.queue.publish(message).await.unwrap();
    }
    for outcome in outcomes {
        assert_eq!(outcome.await.unwrap().state(), State::Succeeded);
    }
    assert_eq!(most.load(Ordering::SeqCst), 4);
}
