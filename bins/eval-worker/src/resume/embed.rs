//! `tasks.resume_pipeline.generate_embeddings`: a resume's passages with their vectors, in place of what it had.

use async_trait::async_trait;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use viva_core::store::{ResumeChunk, ResumeChunkSet, Session};
use viva_core::{Digest, ErrorClass, Task, TaskError};
use viva_retrieval::to_bytes;
use viva_worker::{Answer, Context, Flight, Handler, Work};

use super::{Resumes, text};
use crate::answers::misrouted;

/// Makes a resume searchable, once for each text and model.
#[derive(Debug)]
pub struct GenerateEmbeddings {
    /// Computes and stores.
    pub resumes: Resumes,
    /// Keeps equal texts from being computed twice.
    pub flight: Flight,
}

#[async_trait]
impl Handler for GenerateEmbeddings {
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let Task::GenerateEmbeddings { resume_id } = task else { return Err(misrouted(&task)) };
        let unit = self.resumes.store.read().await?;
        let resume = unit.resumes().get(resume_id).await?;
        unit.rollback().await?;
        let text = text(&resume).ok_or_else(|| TaskError::permanent(format!("resume {resume_id} has no text")))?;
        let model = self.resumes.retriever.id();
        let computation = Digest::of_computation("resume passages", &[("text", &text), ("model", &model)]);
        let indexing = Indexing { resumes: &self.resumes, text, model, computation: computation.clone() };
        self.flight.fly(&indexing, &computation, &task, &context).await
    }

    /// Whoever looks at the resume need not wait any longer.
    async fn abandon(&self, task: &Task, _: &str) -> Result<(), TaskError> {
        let Task::GenerateEmbeddings { resume_id } = *task else { return Ok(()) };
        let unit = self.resumes.store.write().await?;
        match unit.resumes().failed(resume_id).await.map_err(TaskError::from) {
            // There is no such resume.
            Err(error) if error.class() == ErrorClass::Permanent => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Ok(unit.commit().await?),
        }
    }
}

/// A resume on its way to its passages.
struct Indexing<'r> {
    resumes: &'r Resumes,
    text: String,
    model: String,
    computation: Digest,
}

impl Indexing<'_> {
    fn set(&self, chunks: Vec<ResumeChunk>) -> ResumeChunkSet {
        ResumeChunkSet { computation: self.computation.clone(), model: self.model.clone(), chunks }
    }
}

#[async_trait]
impl Work for Indexing<'_> {
    type Output = ResumeChunkSet;

    /// Of this resume or of another with the same text.
    async fn find(&self, unit: &Session) -> Result<Option<ResumeChunkSet>, TaskError> {
        let made = unit.resume_chunks().made_by(&self.computation).await?;
        Ok((!made.is_empty()).then(|| self.set(made)))
    }

    async fn compute(&self, _: &CancellationToken) -> Result<ResumeChunkSet, TaskError> {
        let text = self.text.clone();
        let chunks = self.resumes.think(move |retriever| {
            let chunk = |(chunk, vector): (viva_retrieval::Chunk, Vec<f32>)| ResumeChunk {
                text: chunk.text(&text).to_owned(),
                section: chunk.section,
                start: chunk.range.start,
                end: chunk.range.end,
                embedding: to_bytes(&vector),
            };
            Ok(retriever.index(&text)?.into_iter().map(chunk).collect())
        });
        Ok(self.set(chunks.await?))
    }

    /// Passages are stored where they are shown: with their resume.
    async fn keep(&self, _: &Session, made: ResumeChunkSet) -> Result<ResumeChunkSet, TaskError> {
        Ok(made)
    }

    fn target(&self, task: &Task) -> Option<String> {
        let Task::GenerateEmbeddings { resume_id } = task else { return None };
        Some(format!("resume {resume_id}"))
    }

    async fn show(&self, unit: &Session, task: &Task, set: &ResumeChunkSet) -> Result<(), TaskError> {
        let Task::GenerateEmbeddings { resume_id } = *task else { return Ok(()) };
        if !unit.resume_chunks().shows(resume_id, &set.computation).await? {
            unit.resume_chunks().replace(resume_id, set).await?;
            tracing::info!(resume_id, passages = set.chunks.len(), "resume can be searched");
        }
        Ok(unit.resumes().completed(resume_id).await?)
    }

    fn answer(&self, _: &Task, _: &ResumeChunkSet, _: bool) -> Value {
        Value::Null
    }
}
