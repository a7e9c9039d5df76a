//! `tasks.question_generation.preload_model`: loads what the first question would have to wait for.

use async_trait::async_trait;
use serde_json::json;
use viva_core::{ErrorClass, Task, TaskError};
use viva_llm::{Message, Part, Priority, Request, Role};
use viva_scoring::Language;
use viva_worker::{Answer, Context, Handler};

use super::Interviewer;
use crate::inference;

/// Warms the language model, and the vectors of all that the script looks for.
#[derive(Debug)]
pub struct PreloadModel {
    /// Whose models.
    pub interviewer: Interviewer,
}

#[async_trait]
impl Handler for PreloadModel {
    /// A model that cannot be loaded is told, not retried: the next question tries it anyway.
    async fn handle(&self, _: Task, context: Context) -> Result<Answer, TaskError> {
        match self.warm(&context).await {
            Ok(()) => {
                let name = &self.interviewer.engine.info().name;
                Ok(json!({ "status": "success", "message": format!("{name} is loaded") }).into())
            }
            Err(error) if error.class() == ErrorClass::Cancelled => Err(error),
            Err(error) => Ok(json!({ "status": "error", "message": error.chain() }).into()),
        }
    }
}

impl PreloadModel {
    async fn warm(&self, context: &Context) -> Result<(), TaskError> {
        let engine = self.interviewer.engine.clone();
        let loaded = inference::run(&context.cancel, move |cancel| match engine.complete(&greeting(), cancel, &mut |_| {}) {
            Ok(_) => Ok(Ok(())),
            Err(viva_llm::Error::Cancelled) => Err(viva_scoring::Error::Cancelled),
            Err(error) => Ok(Err(error)),
        });
        loaded.await?.map_err(TaskError::permanent)?;
        let Some(resumes) = &self.interviewer.resumes else { return Ok(()) };
        for query in self.interviewer.script.stages().iter().filter_map(|stage| stage.look_for.as_ref()) {
            for language in [Language::Ko, Language::En] {
                resumes.query(query.get(language)).await?;
            }
        }
        Ok(())
    }
}

fn greeting() -> Request {
    let messages = vec![Message { role: Role::User, parts: vec![Part::Trusted("안녕하세요".to_owned())] }];
    Request { messages, max_tokens: 1, priority: Priority::Interactive, ..Request::default() }
}
