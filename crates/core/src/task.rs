//! Task messages as producers send them, and the typed tasks they bind to.
//!
//! Promises Python's own call rules, since the producers are Python: positional arguments first, then keywords, defaults for
//! the rest; and an error that names the task, the argument and what was wrong. Does not judge values: an unknown voice or an
//! empty text is for the handler to refuse.

mod bind;
mod error;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Digest;
pub use error::Error;

/// Speaks a question.
pub const SYNTHESIZE: &str = "tasks.tts.synthesize";
/// Scores every answer of an interview and writes its report.
pub const GENERATE_FINAL_REPORT: &str = "tasks.evaluator.generate_final_report";
/// Scores one answer.
pub const ANALYZE_ANSWER: &str = "tasks.evaluator.analyze_answer";
/// Cuts a resume into passages and computes their vectors.
pub const GENERATE_EMBEDDINGS: &str = "tasks.resume_pipeline.generate_embeddings";
/// Asks an interview's next question.
pub const GENERATE_NEXT_QUESTION: &str = "tasks.question_generation.generate_next_question";
/// Loads the models that questions need.
pub const PRELOAD_MODEL: &str = "tasks.question_generation.preload_model";
/// Scores one answer as a part of a report; sent by Viva to itself.
pub const EVALUATE_PART: &str = "viva.evaluate_part";
/// Writes the report whose parts are there; sent by Viva to itself, under the id of the task that asked for the report.
pub const CONCLUDE_REPORT: &str = "viva.conclude_report";

/// Every task that Viva does.
const KNOWN: &[&str] = &[
    SYNTHESIZE,
    GENERATE_FINAL_REPORT,
    ANALYZE_ANSWER,
    GENERATE_EMBEDDINGS,
    GENERATE_NEXT_QUESTION,
    PRELOAD_MODEL,
    EVALUATE_PART,
    CONCLUDE_REPORT,
];

/// Tasks that Viva sends to itself have names that begin so, and travel on a queue of their own.
const OWN: &str = "viva.";

/// A task as it travels: a name and Python call arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskMessage {
    /// The producer's task id; results are delivered under it.
    pub id: String,
    /// The task's name, such as [`SYNTHESIZE`].
    pub task: String,
    /// Positional arguments.
    #[serde(default)]
    pub args: Vec<Value>,
    /// Keyword arguments.
    #[serde(default)]
    pub kwargs: Map<String, Value>,
    /// What the broker's side needs to answer it, or to send it on; means nothing here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Value>,
}

impl TaskMessage {
    /// A message with a fresh id.
    pub fn new(task: impl Into<String>, args: Vec<Value>, kwargs: Map<String, Value>) -> Self {
        Self { id: uuid::Uuid::new_v4().to_string(), task: task.into(), args, kwargs, envelope: None }
    }

    /// Whether Viva sent it to itself: nobody waits for its result under its own name.
    pub fn is_own(&self) -> bool {
        self.task.starts_with(OWN)
    }

    /// The task that goes on with what this one asked for, under its id, and answers whoever asked.
    #[must_use]
    pub fn continued_as(&self, task: &Task) -> Self {
        Self { id: self.id.clone(), envelope: self.envelope.clone(), ..task.to_message() }
    }
}

/// A task that Viva does.
#[derive(Debug, Clone, PartialEq)]
pub enum Task {
    /// [`SYNTHESIZE`].
    Synthesize(Synthesize),
    /// [`GENERATE_FINAL_REPORT`].
    GenerateFinalReport {
        /// The interview to report on.
        interview_id: i32,
    },
    /// [`ANALYZE_ANSWER`].
    AnalyzeAnswer(AnalyzeAnswer),
    /// [`GENERATE_EMBEDDINGS`].
    GenerateEmbeddings {
        /// The row of `resumes`.
        resume_id: i32,
    },
    /// [`GENERATE_NEXT_QUESTION`].
    GenerateNextQuestion {
        /// The interview that goes on.
        interview_id: i32,
    },
    /// [`PRELOAD_MODEL`].
    PreloadModel,
    /// [`EVALUATE_PART`].
    EvaluatePart(EvaluatePart),
    /// [`CONCLUDE_REPORT`].
    ConcludeReport {
        /// The interview to report on.
        interview_id: i32,
    },
}

/// Speak a text, and file it as the question's audio.
#[derive(Debug, Clone, PartialEq)]
pub struct Synthesize {
    /// What to say.
    pub text: String,
    /// `ko`, `en` or `auto`; `ko` unless told.
    pub language: String,
    /// 1.0 is the voice's own pace, 2.0 twice as fast.
    pub speed: f64,
    /// The question whose file `q_{question_id}.wav` the clip becomes; no such file without it.
    pub question_id: Option<i32>,
    /// A voice by name; the worker's own choice without it.
    pub voice: Option<String>,
    /// How the clip is written down: wav, wav24, pcm, flac or opus; wav without it. A question's file is always a WAV.
    pub format: Option<String>,
}

/// Score one answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalyzeAnswer {
    /// The row of `transcripts` that holds the answer and gets the score.
    pub transcript_id: i32,
    /// The question as asked.
    pub question_text: String,
    /// The answer as recognised.
    pub answer_text: String,
    /// The question's own rubric, a JSON object, where the platform has one.
    pub rubric: Option<Value>,
    /// The row of `questions`.
    pub question_id: Option<i32>,
    /// The stage of the interview, such as `motivation`.
    pub question_type: Option<String>,
}

/// Score one answer, for a report that waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvaluatePart {
    /// The plan that waits.
    pub plan: Digest,
    /// The row of `transcripts` that holds the answer.
    pub transcript_id: i32,
}

impl Task {
    /// Binds a message to its task.
    pub fn bind(message: &TaskMessage) -> Result<Self, Error> {
        match message.task.as_str() {
            SYNTHESIZE => {
                const NAMES: &[&str] = &["text", "language", "speed", "question_id", "voice", "format"];
                let call = bind::Call::new(SYNTHESIZE, NAMES, message)?;
                Ok(Self::Synthesize(Synthesize {
                    text: call.required("text", bind::text)?,
                    language: call.optional("language", bind::text)?.unwrap_or_else(|| "ko".to_owned()),
                    speed: call.optional("speed", bind::number)?.unwrap_or(1.0),
                    question_id: call.optional("question_id", bind::id)?,
                    voice: call.optional("voice", bind::text)?,
                    format: call.optional("format", bind::text)?,
                }))
            }
            GENERATE_FINAL_REPORT => {
                let call = bind::Call::new(GENERATE_FINAL_REPORT, &["interview_id"], message)?;
                Ok(Self::GenerateFinalReport { interview_id: call.required("interview_id", bind::id)? })
            }
            ANALYZE_ANSWER => {
                const NAMES: &[&str] = &["transcript_id", "question_text", "answer_text", "rubric", "question_id", "question_type"];
                let call = bind::Call::new(ANALYZE_ANSWER, NAMES, message)?;
                Ok(Self::AnalyzeAnswer(AnalyzeAnswer {
                    transcript_id: call.required("transcript_id", bind::id)?,
                    question_text: call.required("question_text", bind::text)?,
                    answer_text: call.required("answer_text", bind::text)?,
                    rubric: call.optional("rubric", bind::object)?,
                    question_id: call.optional("question_id", bind::id)?,
                    question_type: call.optional("question_type", bind::text)?,
                }))
            }
            GENERATE_EMBEDDINGS => {
                let call = bind::Call::new(GENERATE_EMBEDDINGS, &["resume_id"], message)?;
                Ok(Self::GenerateEmbeddings { resume_id: call.required("resume_id", bind::id)? })
            }
            GENERATE_NEXT_QUESTION => {
                let call = bind::Call::new(GENERATE_NEXT_QUESTION, &["interview_id"], message)?;
                Ok(Self::GenerateNextQuestion { interview_id: call.required("interview_id", bind::id)? })
            }
            PRELOAD_MODEL => bind::Call::new(PRELOAD_MODEL, &[], message).map(|_| Self::PreloadModel),
            EVALUATE_PART => {
                let call = bind::Call::new(EVALUATE_PART, &["plan", "transcript_id"], message)?;
                let (plan, transcript_id) = (call.required("plan", bind::digest)?, call.required("transcript_id", bind::id)?);
                Ok(Self::EvaluatePart(EvaluatePart { plan, transcript_id }))
            }
            CONCLUDE_REPORT => {
                let call = bind::Call::new(CONCLUDE_REPORT, &["interview_id"], message)?;
                Ok(Self::ConcludeReport { interview_id: call.required("interview_id", bind::id)? })
            }
            other => Err(Error::UnknownTask { task: other.to_owned() }),
        }
    }

    /// The name a producer sends.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Synthesize(_) => SYNTHESIZE,
            Self::GenerateFinalReport { .. } => GENERATE_FINAL_REPORT,
            Self::AnalyzeAnswer(_) => ANALYZE_ANSWER,
            Self::GenerateEmbeddings { .. } => GENERATE_EMBEDDINGS,
            Self::GenerateNextQuestion { .. } => GENERATE_NEXT_QUESTION,
            Self::PreloadModel => PRELOAD_MODEL,
            Self::EvaluatePart(_) => EVALUATE_PART,
            Self::ConcludeReport { .. } => CONCLUDE_REPORT,
        }
    }

    /// The message a producer sends for this task: one positional argument first where the platform's own code has one,
    /// keywords for the rest.
    pub fn to_message(&self) -> TaskMessage {
        let mut kwargs = Map::new();
        let args = match self {
            Self::Synthesize(task) => {
                kwargs.insert("language".to_owned(), task.language.clone().into());
                kwargs.insert("speed".to_owned(), task.speed.into());
                kwargs.insert("question_id".to_owned(), task.question_id.into());
                for (name, value) in [("voice", &task.voice), ("format", &task.format)] {
                    if let Some(value) = value {
                        kwargs.insert(name.to_owned(), value.clone().into());
                    }
                }
                vec![task.text.clone().into()]
            }
            Self::GenerateFinalReport { interview_id }
            | Self::ConcludeReport { interview_id }
            | Self::GenerateNextQuestion { interview_id } => vec![(*interview_id).into()],
            Self::GenerateEmbeddings { resume_id } => vec![(*resume_id).into()],
            Self::PreloadModel => Vec::new(),
            Self::EvaluatePart(part) => vec![part.plan.as_str().into(), part.transcript_id.into()],
            Self::AnalyzeAnswer(task) => vec![
                task.transcript_id.into(),
                task.question_text.clone().into(),
                task.answer_text.clone().into(),
                task.rubric.clone().unwrap_or(Value::Null),
                task.question_id.into(),
                task.question_type.clone().into(),
            ],
        };
        TaskMessage::new(self.name(), args, kwargs)
    }
}
