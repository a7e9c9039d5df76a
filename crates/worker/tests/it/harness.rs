//! A worker over the in-memory queue whose handler does what each test says.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use serde_json::{Map, Value};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use viva_core::task::GENERATE_FINAL_REPORT;
use viva_core::{Outcome, Task, TaskError, TaskMessage};
use viva_worker::{Answer, Context, Drained, Handler, MemoryQueue, MemoryReplies, Queue as _, Runtime};

/// A handler made of a closure; counts how often it ran.
pub struct Script<F> {
    ran: Arc<AtomicU32>,
    step: F,
}

#[async_trait]
impl<F, R> Handler for Script<F>
where
    F: Fn(Task, Context) -> R + Send + Sync,
    R: Future<Output = Result<Value, TaskError>> + Send,
{
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        self.ran.fetch_add(1, Ordering::SeqCst);
        (self.step)(task, context).await.map(Answer::Now)
    }
}

/// A running worker.
pub struct Worker {
    pub queue: MemoryQueue,
    pub replies: MemoryReplies,
    pub shutdown: CancellationToken,
    pub running: JoinHandle<Drained>,
    ran: Arc<AtomicU32>,
}

impl Worker {
    pub fn start<F, R>(concurrency: usize, step: F) -> Self
    where
        F: Fn(Task, Context) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Value, TaskError>> + Send + 'static,
    {
        let (queue, replies, shutdown) = (MemoryQueue::new(), MemoryReplies::new(), CancellationToken::new());
        let ran = Arc::new(AtomicU32::new(0));
        let runtime = Runtime::new(Arc::new(queue.clone()), Arc::new(replies.clone()))
            .handler(GENERATE_FINAL_REPORT, Arc::new(Script { ran: ran.clone(), step }))
            .concurrency(NonZeroUsize::new(concurrency).unwrap());
        let token = shutdown.clone();
        let running = tokio::spawn(async move { runtime.run(token).await.unwrap() });
        Self { queue, replies, shutdown, running, ran }
    }

    /// Publishes a message and waits for its outcome.
    pub async fn ask(&self, message: TaskMessage) -> Outcome {
        let outcome = self.replies.expect(&message.id);
        self.queue.publish(message).await.unwrap();
        outcome.await.unwrap()
    }

    pub fn ran(&self) -> u32 {
        self.ran.load(Ordering::SeqCst)
    }

    pub async fn stop(self) -> Drained {
        self.shutdown.cancel();
        self.running.await.unwrap()
    }
}

pub fn report(interview_id: i32) -> TaskMessage {
    Task::GenerateFinalReport { interview_id }.to_message()
}

pub fn message(task: &str, args: Vec<Value>) -> TaskMessage {
    TaskMessage::new(task, args, Map::new())
}
