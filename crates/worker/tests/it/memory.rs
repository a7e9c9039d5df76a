//! The in-memory queue keeps the manners of a broker.

use tokio::time::{Duration, Instant, timeout};
use viva_core::Outcome;
use viva_core::TaskMessage;
use viva_worker::queue::{Consumer, Queue as _, Settled, Settlement};
use viva_worker::{MemoryQueue, MemoryReplies, Reply as _};

use crate::harness::report;

async fn filled(count: i32) -> (MemoryQueue, Vec<TaskMessage>) {
    let queue = MemoryQueue::new();
    let messages: Vec<_> = (0..count).map(report).collect();
    for message in &messages {
        queue.publish(message.clone()).await.unwrap();
    }
    (queue, messages)
}

async fn consumer(queue: &MemoryQueue, prefetch: usize) -> Box<dyn Consumer> {
    queue.consume(prefetch.try_into().unwrap()).await.unwrap()
}

async fn nothing_comes(consumer: &mut dyn Consumer) -> bool {
    timeout(Duration::from_hours(1), consumer.next()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn messages_come_in_order_and_once() {
    let (queue, messages) = filled(3).await;
    let mut consumer = consumer(&queue, 10).await;
    for message in messages {
        let delivery = consumer.next().await.unwrap();
        assert_eq!((&delivery.message, delivery.attempt, delivery.redelivered), (&message, 1, false));
        assert_eq!(delivery.settle(Settlement::Ack).await.unwrap(), Settled::Done);
    }
    assert!(nothing_comes(&mut *consumer).await);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_holds_no_more_than_its_prefetch() {
    let (queue, messages) = filled(3).await;
    let mut consumer = consumer(&queue, 2).await;
    let first = consumer.next().await.unwrap();
    let _second = consumer.next().await.unwrap();
    assert!(nothing_comes(&mut *consumer).await);
    first.settle(Settlement::Ack).await.unwrap();
    assert_eq!(consumer.next().await.unwrap().message, messages[2]);
}

#[tokio::test(start_paused = true)]
async fn what_a_dropped_consumer_held_comes_again_in_order_and_marked() {
    let (queue, messages) = filled(4).await;
    let mut lost = consumer(&queue, 3).await;
    lost.next().await.unwrap().settle(Settlement::Ack).await.unwrap();
    let late = lost.next().await.unwrap();
    let _forgotten = lost.next().await.unwrap();
    drop(lost);
    assert_eq!(late.settle(Settlement::Ack).await.unwrap(), Settled::Lost);
    let mut consumer = consumer(&queue, 10).await;
    for (message, seen) in messages[1..].iter().zip([(2, true), (2, true), (1, false)]) {
        let delivery = consumer.next().await.unwrap();
        assert_eq!((&delivery.message, (delivery.attempt, delivery.redelivered)), (message, seen));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_comes_after_its_delay_and_not_before() {
    let (queue, _) = filled(1).await;
    let mut consumer = consumer(&queue, 1).await;
    let delay = Duration::from_secs(7);
    let asked = Instant::now();
    consumer.next().await.unwrap().settle(Settlement::RetryAfter { delay, reason: "later".to_owned() }).await.unwrap();
    let again = consumer.next().await.unwrap();
    assert_eq!((again.attempt, again.redelivered, asked.elapsed()), (2, false, delay));
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_back_is_next_and_its_attempt_does_not_count() {
    let (queue, messages) = filled(2).await;
    let mut consumer = consumer(&queue, 1).await;
    consumer.next().await.unwrap().settle(Settlement::HandBack).await.unwrap();
    let again = consumer.next().await.unwrap();
    assert_eq!((&again.message, again.attempt), (&messages[0], 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_set_aside_keeps_its_reason() {
    let (queue, messages) = filled(1).await;
    let mut consumer = consumer(&queue, 1).await;
    let reason = "it breaks the worker".to_owned();
    consumer.next().await.unwrap().settle(Settlement::DeadLetter { reason: reason.clone() }).await.unwrap();
    let letters = queue.dead_letters();
    assert_eq!((&letters[0].message, &letters[0].reason), (&messages[0], &reason));
    assert!(nothing_comes(&mut *consumer).await);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_consumer_takes_nothing_and_still_settles() {
    let (queue, _) = filled(2).await;
    let mut consumer = consumer(&queue, 5).await;
    let held = consumer.next().await.unwrap();
    consumer.stop().await;
    assert!(consumer.next().await.is_none());
    assert_eq!(held.settle(Settlement::Ack).await.unwrap(), Settled::Done);
    drop(consumer);
    assert_eq!(queue.ready(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_consumers_share_the_work() {
    let (queue, _) = filled(2).await;
    let (mut one, mut other) = (consumer(&queue, 5).await, consumer(&queue, 5).await);
    let (first, second) = (one.next().await.unwrap(), other.next().await.unwrap());
    assert_ne!(first.message.id, second.message.id);
    assert!(nothing_comes(&mut *one).await);
}

#[tokio::test(start_paused = true)]
async fn everybody_who_waits_for_a_task_hears_of_it() {
    let replies = MemoryReplies::new();
    let (first, second, other) = (replies.expect("a"), replies.expect("a"), replies.expect("b"));
    drop(replies.expect("a"));
    let outcome = Outcome::Success(serde_json::json!(1));
    replies.deliver(&TaskMessage { id: "a".to_owned(), ..report(1) }, &outcome).await.unwrap();
    assert_eq!((first.await.unwrap(), second.await.unwrap()), (outcome.clone(), outcome));
    drop(replies);
    assert!(other.await.is_err(), "an outcome came to the wrong task");
}
