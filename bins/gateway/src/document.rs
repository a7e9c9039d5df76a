//! An interview's report as it is shown: what there is, honestly, while it grows.
//!
//! Read from the store in one unit of work, written once for all who ask within a moment. Its ETag is the digest of its bytes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use viva_core::clock::Moment;
use viva_core::evaluation::Evaluation;
use viva_core::store::{Answer, Event, ReportRow, Session, Topic};
use viva_core::task::Task;
use viva_core::{Clock as _, Digest, SystemClock};

use crate::App;
use crate::problem::Problem;

/// For so long a document counts without a look: shorter than anybody notices.
const FRESH: Duration = Duration::from_millis(100);
/// For so long it counts if there was no news: what changes a report without news is the platform's own writing.
const UNCHANGED: Duration = Duration::from_secs(2);
/// Documents that are kept.
const KEPT: usize = 500;

/// The report of an interview.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReportDocument {
    /// The interview.
    pub interview_id: i32,
    /// The position applied for.
    pub position: String,
    /// Language of the interview, `ko` or `en`; null before an answer is evaluated.
    pub language: Option<String>,
    /// `none`: nobody has asked for it. `pending`: on its way. `ready`. `failed`: `problem` says why.
    pub state: &'static str,
    /// Whether it is whole and current.
    pub complete: bool,
    /// How far the answers are.
    pub progress: Progress,
    /// Weighted mean of the areas that have scores, 0 to 100; null if there is none.
    pub overall: Option<f64>,
    /// The areas of the rubric with their scores and weights.
    #[schema(value_type = Vec<Object>)]
    pub areas: Value,
    /// Written by the model from the evaluations.
    #[schema(value_type = Vec<String>)]
    pub strengths: Value,
    /// The same, for what to work on.
    #[schema(value_type = Vec<String>)]
    pub improvements: Value,
    /// The same, as a whole.
    pub summary: Option<String>,
    /// Said about the whole, such as a model too small to judge: `code` and `detail`.
    #[schema(value_type = Vec<Object>)]
    pub notices: Value,
    /// Stages without a scored answer.
    #[schema(value_type = Vec<String>)]
    pub missing_stages: Value,
    /// The rubric applied; null before there is a report.
    #[schema(value_type = Option<Object>)]
    pub rubric: Value,
    /// The model; null before there is a report.
    #[schema(value_type = Option<Object>)]
    pub model: Value,
    /// Why it failed, if it did.
    #[schema(value_type = Option<Object>)]
    pub problem: Value,
    /// In the interview's order.
    pub answers: Vec<AnswerDocument>,
}

/// How many of the answers are evaluated.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub(crate) struct Progress {
    /// All.
    pub answers: usize,
    /// Those that are evaluated, whatever came of it.
    pub evaluated: usize,
}

/// An answer, with its question and what was found.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AnswerDocument {
    /// Its row.
    pub transcript_id: i32,
    /// The question's row.
    pub question_id: Option<i32>,
    /// Stage of the interview.
    pub stage: String,
    /// The question as asked.
    pub question: String,
    /// The answer as given: what offsets count in, by Unicode scalar values.
    pub text: String,
    /// The question's sound, if it was voiced.
    pub audio: Option<Sound>,
    /// The record of its evaluation; null while there is none.
    #[schema(value_type = Option<Object>)]
    pub evaluation: Option<Evaluation>,
}

/// A clip.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Sound {
    /// Where it is served, under the digest of its bytes.
    pub url: String,
    /// Its size.
    pub bytes: Option<u64>,
    /// How long it sounds.
    pub duration_ms: Option<f64>,
}

impl Sound {
    /// What `speech.ready` tells.
    pub(crate) fn of(news: &Event) -> Option<Self> {
        let digest = news.body.get("digest")?.as_str()?;
        let (bytes, duration_ms) = (news.body.get("bytes").and_then(Value::as_u64), news.body.get("duration_ms").and_then(Value::as_f64));
        Some(Self { url: format!("/v1/audio/{digest}"), bytes, duration_ms })
    }
}

/// A document as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    pub(crate) complete: bool,
}

/// Documents of the last moments.
#[derive(Debug, Default)]
pub(crate) struct Documents(Mutex<HashMap<i32, Arc<tokio::sync::Mutex<Option<Kept>>>>>);

#[derive(Debug)]
struct Kept {
    document: Document,
    /// The newest news that it knows.
    seq: i64,
    read: Moment,
    looked: Moment,
}

impl App {
    /// The report of an interview. Of many who ask at once one reads it.
    pub(crate) async fn report(&self, interview_id: i32) -> Result<Document, Problem> {
        let place = self.documents.place(interview_id);
        let mut kept = place.lock().await;
        let now = SystemClock.monotonic();
        if let Some(kept) = &mut *kept {
            if now.since(kept.looked) < FRESH {
                return Ok(kept.document.clone());
            }
            if now.since(kept.read) < UNCHANGED {
                let unit = self.store.glance().await?;
                let head = unit.events().head(&Topic::Interview(interview_id)).await?;
                unit.rollback().await?;
                if head == kept.seq {
                    kept.looked = now;
                    return Ok(kept.document.clone());
                }
            }
        }
        let unit = self.store.read().await?;
        let seq = unit.events().head(&Topic::Interview(interview_id)).await?;
        let report = read(&unit, interview_id).await?;
        unit.rollback().await?;
        let body = Bytes::from(serde_json::to_vec(&report).expect("a report is plain JSON; this is a bug"));
        let etag = format!("\"{}\"", &Digest::of(&body).as_str()[..32]);
        let document = Document { body, etag, complete: report.complete };
        *kept = Some(Kept { document: document.clone(), seq, read: now, looked: now });
        Ok(document)
    }
}

impl Documents {
    fn place(&self, interview_id: i32) -> Arc<tokio::sync::Mutex<Option<Kept>>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= KEPT && !places.contains_key(&interview_id) {
            // Those that nobody reads at this moment; the next who asks reads anew.
            places.retain(|_, place| Arc::strong_count(place) > 1);
        }
        places.entry(interview_id).or_default().clone()
    }
}

async fn read(unit: &Session, interview_id: i32) -> Result<ReportDocument, Problem> {
    let interview = unit.interviews().get(interview_id).await?;
    let said = unit.transcripts().answers(interview_id).await?;
    let evaluations = unit.evaluations().newest(interview_id).await?;
    let questions: Vec<Topic> = said.iter().filter_map(|answer| answer.transcript.question_id).map(Topic::Question).collect();
    let sounds = unit.events().newest_of("speech.ready", &questions).await?;
    let row = unit.evaluation_reports().find(interview_id).await?;
    let (state, problem) = state(unit, interview_id, row.is_some()).await?;
    let mut by_answer: HashMap<i32, Evaluation> = evaluations.into_iter().filter_map(|found| Some((found.transcript_id?, found))).collect();
    let answers: Vec<AnswerDocument> = said.into_iter().map(|answer| document(answer, &mut by_answer, &sounds)).collect();
    let progress = Progress { answers: answers.len(), evaluated: answers.iter().filter(|answer| answer.evaluation.is_some()).count() };
    let (summary, details) =
        row.map_or((None, Value::Null), |ReportRow { summary_text, details_json, .. }| (summary_text, details_json.unwrap_or_default()));
    let list = |name: &str| details.get(name).filter(|value| value.is_array()).cloned().unwrap_or_else(|| Value::Array(Vec::new()));
    let object = |name: &str| details.get(name).cloned().unwrap_or_default();
    Ok(ReportDocument {
        interview_id,
        position: interview.position,
        language: answers.iter().find_map(|answer| answer.evaluation.as_ref()).map(|found| found.language.clone()),
        state,
        complete: state == "ready" && progress.evaluated == progress.answers,
        progress,
        overall: details.get("overall_score").and_then(Value::as_f64),
        areas: list("areas"),
        strengths: list("strengths"),
        improvements: list("improvements"),
        summary,
        notices: list("notices"),
        missing_stages: list("missing_stages"),
        rubric: object("rubric"),
        model: object("model"),
        problem,
        answers,
    })
}

/// On its way while a job is open or a plan waits for its parts, whoever asked.
async fn state(unit: &Session, interview_id: i32, is_there: bool) -> Result<(&'static str, Value), Problem> {
    let open = unit.dispatches().find(&Task::GenerateFinalReport { interview_id }.to_message()).await?.is_some();
    if open || unit.report_plans().left(interview_id).await? > 0 {
        return Ok(("pending", Value::Null));
    }
    let last = unit.events().last(&Topic::Interview(interview_id), "report.").await?;
    match last {
        Some(Event { kind, body, .. }) if kind == "report.failed" => Ok(("failed", body)),
        Some(Event { kind, .. }) if kind == "report.planned" || kind == "report.requested" => Ok(("pending", Value::Null)),
        _ if is_there => Ok(("ready", Value::Null)),
        _ => Ok(("none", Value::Null)),
    }
}

fn document(answer: Answer, by_answer: &mut HashMap<i32, Evaluation>, sounds: &HashMap<String, Event>) -> AnswerDocument {
    let Answer { transcript, question } = answer;
    let (question, stage) = question.map_or_else(Default::default, |asked| (asked.content, asked.question_type.unwrap_or_default()));
    let topic = transcript.question_id.map(|id| Topic::Question(id).to_string());
    AnswerDocument {
        transcript_id: transcript.id,
        question_id: transcript.question_id,
        stage,
        question,
        text: transcript.text,
        audio: topic.and_then(|topic| sounds.get(&topic)).and_then(Sound::of),
        evaluation: by_answer.remove(&transcript.id),
    }
}
