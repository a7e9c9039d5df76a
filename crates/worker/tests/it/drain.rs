//! A worker that is asked to stop finishes what it can and hands back the rest.

use std::future::pending;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{Duration, Instant};
use viva_core::TaskError;
use viva_core::state::State;
use viva_worker::{Drained, Queue as _};

use crate::harness::{Worker, report};

#[tokio::test(start_paused = true)]
async fn what_runs_finishes_and_what_waits_stays() {
    let (begun, finish) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (tell, wait) = (begun.clone(), finish.clone());
    let worker = Worker::start(1, move |_, _| {
        let (tell, wait) = (tell.clone(), wait.clone());
        async move {
            tell.add_permits(1);
            wait.notified().await;
            Ok(json!("finished"))
        }
    });
    let first = report(1);
    let outcome = worker.replies.expect(&first.id);
    worker.queue.publish(first).await.unwrap();
    worker.queue.publish(report(2)).await.unwrap();
    begun.acquire().await.unwrap().forget();
    worker.shutdown.cancel();
    tokio::task::yield_now().await;
    finish.notify_one();
    assert_eq!(outcome.await.unwrap().into_result().unwrap(), "finished");
    let queue = worker.queue.clone();
    assert_eq!(worker.stop().await, Drained { settled: 1, handed_back: 0 });
    assert_eq!(queue.ready(), 1);
}

#[tokio::test(start_paused = true)]
async fn past_the_deadline_a_task_is_asked_to_stop_and_handed_back() {
    let begun = Arc::new(Semaphore::new(0));
    let tell = begun.clone();
    let worker = Worker::start(1, move |_, context| {
        tell.add_permits(1);
        async move {
            context.cancel.cancelled().await;
            Err(TaskError::cancelled("stopped in the middle"))
        }
    });
    worker.queue.publish(report(1)).await.unwrap();
    begun.acquire().await.unwrap().forget();
    let (queue, asked) = (worker.queue.clone(), Instant::now());
    assert_eq!(worker.stop().await, Drained { settled: 0, handed_back: 1 });
    assert_eq!(asked.elapsed().as_secs(), 30);
    assert_eq!(queue.ready(), 1);

    // The next worker gets it as the first attempt: stopping it was nobody's failure.
    let mut consumer = queue.consume(1.try_into().unwrap()).await.unwrap();
    assert_eq!(consumer.next().await.unwrap().attempt, 1);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_will_not_stop_is_cut_off_and_handed_back() {
    let begun = Arc::new(Semaphore::new(0));
    let tell = begun.clone();
    let worker = Worker::start(1, move |_, _| {
        tell.add_permits(1);
        pending()
    });
    worker.queue.publish(report(1)).await.unwrap();
    begun.acquire().await.unwrap().forget();
    let (queue, asked) = (worker.queue.clone(), Instant::now());
    assert_eq!(worker.stop().await, Drained { settled: 0, handed_back: 1 });
    assert!(asked.elapsed() < Duration::from_secs(40));
    assert_eq!(queue.ready(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_killed_worker_leaves_its_task_to_the_next_one() {
    let begun = Arc::new(Semaphore::new(0));
    let tell = begun.clone();
    let worker = Worker::start(1, move |_, _| {
        tell.add_permits(1);
        pending()
    });
    worker.queue.publish(report(1)).await.unwrap();
    begun.acquire().await.unwrap().forget();
    worker.running.abort();
    let mut consumer = worker.queue.consume(1.try_into().unwrap()).await.unwrap();
    let delivery = consumer.next().await.unwrap();
    assert_eq!((delivery.attempt, delivery.redelivered), (2, true));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_outlived_none_of_its_workers_is_set_aside_unseen() {
    let worker = Worker::start(1, |_, _| async { Ok(json!(null)) });
    let asked = report(1);
    // Five consumers die with it in their hands before a worker gets to it.
    let queue = worker.queue.clone();
    let replies = worker.replies.clone();
    worker.stop().await;
    queue.publish(asked.clone()).await.unwrap();
    for attempt in 1..=5 {
        let mut consumer = queue.consume(1.try_into().unwrap()).await.unwrap();
        assert_eq!(consumer.next().await.unwrap().attempt, attempt);
    }
    let outcome = replies.expect(&asked.id);
    let shutdown = tokio_util::sync::CancellationToken::new();
    let runtime = viva_worker::Runtime::new(Arc::new(queue.clone()), Arc::new(replies)).run(shutdown.clone());
    let running = tokio::spawn(runtime);
    assert_eq!(outcome.await.unwrap().state(), State::Dead);
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert!(queue.dead_letters()[0].reason.contains("begun 5 times and never ended"));
}
