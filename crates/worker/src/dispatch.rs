//! The producers' half: what many ask for at once is published once.
//!
//! Promises that of any number of producers who ask for the same task, in any number of processes, one publishes it until it is
//! answered, and that what a producer was told is published is published, even if its process ends right after. A producer that
//! publishes past this is no harm: workers compute once anyway.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use viva_core::store::{Letter, Relayed, Session, Store, Topic};
use viva_core::task::SYNTHESIZE;
use viva_core::{ErrorClass, Outcome, Task, TaskError, TaskMessage};

use crate::queue;
use crate::reply::Reply;

/// How the ids of dispatched tasks begin: the answers to all others need no look into the database.
const PREFIX: &str = "once-";

/// Publishes tasks once. Clones share the database.
#[derive(Debug, Clone)]
pub struct Dispatcher {
    store: Store,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// It is on its way, under this task id.
    Published(String),
    /// Somebody asked before and has no answer yet; theirs is this task id.
    Before(String),
}

impl Dispatcher {
    /// A dispatcher over the workers' database.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Asks for a task. It leaves through the outbox: a worker's relay publishes it.
    pub async fn ask(&self, task: &Task) -> Result<Asked, TaskError> {
        let message = task.to_message();
        let message = TaskMessage { id: format!("{PREFIX}{}", message.id), ..message };
        let unit = self.store.write().await?;
        let asked = if let Some(earlier) = unit.dispatches().open(&message).await? {
            Asked::Before(earlier)
        } else {
            let id = message.id.clone();
            unit.outbox().post(&[(Relayed::ByAny, Letter::Task { message })]).await?;
            tell(&unit, task, News::Requested(&id)).await?;
            Asked::Published(id)
        };
        unit.commit().await?;
        Ok(asked)
    }

    /// Sends a task in the caller's unit of work, whoever asked for the same before: for one that reads what this unit of work
    /// changes. Its id.
    pub async fn send(unit: &Session, task: &Task) -> Result<String, TaskError> {
        let message = task.to_message();
        let id = format!("{PREFIX}{}", message.id);
        let message = TaskMessage { id: id.clone(), ..message };
        unit.outbox().post(&[(Relayed::ByAny, Letter::Task { message })]).await?;
        tell(unit, task, News::Requested(&id)).await?;
        Ok(id)
    }
}

/// Replies that close the dispatch of the task they answer.
pub struct Closing {
    store: Store,
    replies: Arc<dyn Reply>,
}

impl Closing {
    /// Delivers through `replies`.
    pub fn new(store: Store, replies: Arc<dyn Reply>) -> Self {
        Self { store, replies }
    }

    /// Whoever watches is told, too; of what went well its own unit of work has told.
    async fn close(&self, task: &TaskMessage, outcome: &Outcome) -> Result<(), TaskError> {
        let unit = self.store.write().await?;
        if task.id.starts_with(PREFIX) {
            unit.dispatches().close(&task.id).await?;
            let (kind, body) = ended(task, outcome);
            unit.tell(Topic::Job(task.id.clone()), kind, body);
        }
        if let (Outcome::Failure { class, message, .. }, Ok(task)) = (outcome, Task::bind(task)) {
            tell(&unit, &task, News::Failed(*class, message)).await?;
        }
        Ok(unit.commit().await?)
    }
}

impl std::fmt::Debug for Closing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Closing").finish_non_exhaustive()
    }
}

#[async_trait]
impl Reply for Closing {
    async fn deliver(&self, task: &TaskMessage, outcome: &Outcome) -> Result<(), queue::Error> {
        self.replies.deliver(task, outcome).await?;
        let failed = matches!(outcome, Outcome::Failure { class, .. } if *class != ErrorClass::Cancelled);
        if !failed && !task.id.starts_with(PREFIX) {
            return Ok(());
        }
        // Delivered and not closed: the task is answered once more, and closed then.
        self.close(task, outcome).await.map_err(|error| queue::Error { queue: "replies".to_owned(), reason: error.chain() })
    }
}

/// What whoever asked for a job is told. Results of tasks about candidates are read from where they are stored.
fn ended(task: &TaskMessage, outcome: &Outcome) -> (&'static str, Value) {
    match outcome {
        Outcome::Success(value) if task.task == SYNTHESIZE => ("job.succeeded", json!({ "task": task.task, "result": value })),
        Outcome::Success(_) => ("job.succeeded", json!({ "task": task.task })),
        Outcome::Failure { class, message, .. } => ("job.failed", json!({ "task": task.task, "class": class, "message": message })),
    }
}

enum News<'a> {
    Requested(&'a str),
    Failed(ErrorClass, &'a str),
}

/// Tells those who watch what a task is about.
async fn tell(unit: &Session, task: &Task, news: News<'_>) -> Result<(), TaskError> {
    let (requested, failed) = match task {
        Task::Synthesize(_) => ("speech.requested", "speech.failed"),
        Task::GenerateFinalReport { .. } | Task::ConcludeReport { .. } => ("report.requested", "report.failed"),
        Task::AnalyzeAnswer(_) => ("answer.requested", "answer.failed"),
        Task::GenerateEmbeddings { .. } => ("resume.requested", "resume.failed"),
        Task::GenerateNextQuestion { .. } => ("question.requested", "question.failed"),
        Task::PreloadModel | Task::EvaluatePart(_) => return Ok(()),
    };
    let (kind, mut body) = match news {
        News::Requested(job) => (requested, json!({ "job": job })),
        News::Failed(class, message) => (failed, json!({ "class": class, "message": message })),
    };
    match task {
        Task::Synthesize(task) => {
            let Some(question_id) = task.question_id else { return Ok(()) };
            body["question_id"] = question_id.into();
            unit.tell_of_question(question_id, kind, body).await?;
        }
        Task::GenerateFinalReport { interview_id }
        | Task::ConcludeReport { interview_id }
        | Task::GenerateNextQuestion { interview_id } => {
            unit.tell(Topic::Interview(*interview_id), kind, body);
        }
        Task::AnalyzeAnswer(task) => {
            let Ok(transcript) = unit.transcripts().get(task.transcript_id).await else { return Ok(()) };
            body["transcript_id"] = task.transcript_id.into();
            unit.tell(Topic::Interview(transcript.interview_id), kind, body);
        }
        Task::GenerateEmbeddings { resume_id } => unit.tell(Topic::Resume(*resume_id), kind, body),
        Task::PreloadModel | Task::EvaluatePart(_) => {}
    }
    Ok(())
}
