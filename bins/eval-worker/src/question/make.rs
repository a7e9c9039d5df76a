//! One question: from the script, from the model, or canned where the model cannot be used. No session is open while it is made
//! but the one in which a resume's passages are read.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use viva_core::{Digest, ErrorClass, TaskError};
use viva_llm::{Completion, Message, Priority, Request, Sampling};
use viva_scoring::triage;

use super::scene::Scene;
use super::script::{Kind, Stage};
use super::{Interviewer, check, prompt};
use crate::inference;
use crate::resume::Passage;

/// Passages that a question is made from.
const PASSAGES: usize = 2;
/// Bound of one reply in tokens; the schema ends earlier, even where a syllable takes three.
const MAX_TOKENS: usize = 600;

/// A question that nobody has been asked yet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub(super) text: String,
    /// `script`, `model` or `canned`.
    pub(super) by: &'static str,
    pub(super) details: Value,
}

/// How a question comes about.
enum Plan {
    /// It is there already.
    Say(Made),
    /// The model makes it.
    Ask { messages: Vec<Message>, passages: Vec<Passage> },
}

impl Interviewer {
    pub(super) async fn make(&self, scene: &Scene, stage: &Stage, cancel: &CancellationToken) -> Result<Made, TaskError> {
        let made = match self.plan(scene, stage).await? {
            Plan::Say(made) => made,
            Plan::Ask { messages, passages } => {
                let request = request(messages, &scene.computation());
                let replied = self.ask(request.clone(), cancel).await?;
                let asked = asked(&request, &passages, replied.as_ref().ok());
                match replied.and_then(|completion| question(&completion.text, scene)) {
                    Ok(text) => Made { text, by: "model", details: self.details(None, &asked) },
                    Err(reason) => self.canned(stage.text(&scene.facts), &reason, &asked),
                }
            }
        };
        if made.by == "canned" {
            let (interview_id, reason) = (scene.interview_id, &made.details["reason"]);
            tracing::info!(interview_id, stage = stage.name.as_str(), %reason, "the question is a canned one");
        }
        Ok(made)
    }

    async fn plan(&self, scene: &Scene, stage: &Stage) -> Result<Plan, TaskError> {
        let language = scene.facts.language;
        let text = stage.text(&scene.facts);
        Ok(match stage.kind {
            Kind::Template => Plan::Say(Made { text, by: "script", details: self.details(None, &Value::Null) }),
            Kind::FollowUp => {
                let answer = scene.last_answer();
                let question = scene.turns.last().map_or("", |turn| turn.question.content.as_str());
                match triage::insufficient(&answer, language) {
                    Some(note) => Plan::Say(self.canned(self.script.nothing_said.get(language).to_owned(), &note.code, &Value::Null)),
                    None => Plan::Ask { messages: prompt::follow_up(question, &answer, language), passages: Vec::new() },
                }
            }
            Kind::Narrative => {
                let passages = self.passages(scene, stage).await?;
                let about = stage.about.as_ref().map_or("", |about| about.get(language));
                match &passages[..] {
                    [] => Plan::Say(self.canned(text, "no_passages", &Value::Null)),
                    found => Plan::Ask { messages: prompt::narrative(about, found, language), passages },
                }
            }
        })
    }

    /// What the resume says about the stage. Without a resume that was indexed, nothing.
    async fn passages(&self, scene: &Scene, stage: &Stage) -> Result<Vec<Passage>, TaskError> {
        let (Some(resumes), Some(resume_id), Some(query)) = (&self.resumes, scene.resume_id, &stage.look_for) else {
            return Ok(Vec::new());
        };
        match resumes.passages(resume_id, query.get(scene.facts.language), PASSAGES).await {
            // A model that fails must not cost the candidate the question.
            Err(error) if error.class() != ErrorClass::Unavailable => {
                tracing::warn!(error = error.chain(), "the resume could not be searched");
                Ok(Vec::new())
            }
            found => found,
        }
    }

    /// The model's reply; the inner error is why there is none.
    async fn ask(&self, request: Request, cancel: &CancellationToken) -> Result<Result<Completion, String>, TaskError> {
        let engine = self.engine.clone();
        let asking = inference::run(cancel, move |cancel| match engine.complete(&request, cancel, &mut |_| {}) {
            Ok(completion) => Ok(Ok(completion)),
            Err(viva_llm::Error::Cancelled) => Err(viva_scoring::Error::Cancelled),
            Err(error) => Ok(Err(format!("model_failed: {error}"))),
        });
        // Dropped at its time, it stops the model.
        match tokio::time::timeout(self.patience, asking).await {
            Ok(Err(error)) if error.class() == ErrorClass::Permanent => Ok(Err(format!("model_failed: {error}"))),
            Ok(replied) => replied,
            Err(_) => Ok(Err("too_slow".to_owned())),
        }
    }

    fn canned(&self, text: String, reason: &str, asked: &Value) -> Made {
        Made { text, by: "canned", details: self.details(Some(reason), asked) }
    }

    fn details(&self, reason: Option<&str>, asked: &Value) -> Value {
        let model = self.engine.info();
        let model = json!({ "name": model.name, "sha256": model.sha256, "engine": model.engine, "numeric_class": model.numeric_class });
        json!({
            "reason": reason,
            "script_sha256": self.script.sha256(),
            "prompt": prompt::VERSION,
            "model": if asked.is_null() { Value::Null } else { model },
            "asked": asked,
        })
    }
}

fn request(messages: Vec<Message>, computation: &Digest) -> Request {
    // The same request gives the same question, each interview its own.
    let seed = u64::from_str_radix(&computation.as_str()[..16], 16).expect("a digest is hexadecimal; this is a bug");
    Request {
        messages,
        schema: Some(prompt::schema()),
        sampling: Sampling { temperature: 0.7, top_p: 0.9, seed },
        max_tokens: MAX_TOKENS,
        priority: Priority::Interactive,
        ..Request::default()
    }
}

/// What determined the model's reply, for the record.
fn asked(request: &Request, passages: &[Passage], completion: Option<&Completion>) -> Value {
    let passages: Vec<Value> =
        passages.iter().map(|found| json!({ "start": found.start, "end": found.end, "score": found.score })).collect();
    let usage = completion.map(|completion| {
        json!({
            "tokens_in": completion.tokens_in, "tokens_out": completion.tokens_out, "prompt_sha256": completion.prompt_sha256,
        })
    });
    json!({ "sampling": request.sampling, "passages": passages, "usage": usage })
}

/// The question in the model's reply, or why it is not asked.
fn question(reply: &str, scene: &Scene) -> Result<String, String> {
    let reply: Value = serde_json::from_str(reply.trim()).unwrap_or_default();
    let earlier: Vec<&str> = scene.turns.iter().map(|turn| turn.question.content.as_str()).collect();
    let question = reply["question"].as_str().ok_or("it is not the JSON that was asked for");
    let usable = question.and_then(|question| check::usable(question, scene.facts.language, &earlier));
    usable.map_err(|what| format!("unusable: {what}"))
}
