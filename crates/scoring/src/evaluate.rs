//! One evaluation per answer: triage, one question to the model, and a record whatever comes of it.
//!
//! Promises no invented score: what cannot be judged says why, what failed says how, and a total is always the sum of
//! its items. Does not store, retry or schedule. Blocks while the model runs: keep it off the async runtime.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use viva_core::Clock;
use viva_core::evaluation::{Evaluation, Item, ModelRecord, Note, Provenance, SCHEMA_VERSION, SamplingRecord, Status, Usage};
use viva_llm::{Cancel, Completion, Engine, Finish, Request, Sampling};

use crate::answer::{Answer, model_record};
use crate::rubric::{AREA_MAX, Area, Rubric};
use crate::verdict::{self, Verdict};
use crate::{Error, Language, evidence, injection, prompt, triage};

/// How the model is asked, and in whose name.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How tokens are chosen; greedy unless told.
    pub sampling: Sampling,
    /// Bound of one reply in tokens. The schemas end earlier, even where a syllable takes three tokens.
    pub max_tokens: usize,
    /// Stored with every result.
    pub worker_id: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sampling: Sampling::default(), max_tokens: 2_000, worker_id: "local".to_owned() }
    }
}

/// A model with a rubric in its hand.
pub struct Judge {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) rubric: Rubric,
    pub(crate) settings: Settings,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Judge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judge").field("model", self.engine.info()).field("rubric", self.rubric.reference()).finish_non_exhaustive()
    }
}

/// What an evaluation comes to before it is a record.
struct Outcome {
    status: Status,
    reason: Option<Note>,
    items: Vec<Item>,
    feedback: Option<String>,
    warnings: Vec<Note>,
    usage: Option<Usage>,
}

impl Outcome {
    fn scored(verdict: Verdict, usage: Usage) -> Self {
        let Verdict { items, feedback, warnings } = verdict;
        Self { status: Status::Scored, reason: None, items, feedback: Some(feedback), warnings, usage: Some(usage) }
    }

    fn without_score(status: Status, reason: Note, usage: Option<Usage>) -> Self {
        Self { status, reason: Some(reason), items: Vec::new(), feedback: None, warnings: Vec::new(), usage }
    }
}

impl Judge {
    /// A judge that asks `engine` by `rubric`.
    pub fn new(engine: Arc<dyn Engine>, rubric: Rubric, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self { engine, rubric, settings, clock }
    }

    /// The rubric applied.
    pub fn rubric(&self) -> &Rubric {
        &self.rubric
    }

    /// The model asked.
    pub fn model(&self) -> ModelRecord {
        model_record(self.engine.info())
    }

    /// How many steps the model has made so far, where it can tell.
    pub fn steps(&self) -> Option<u64> {
        self.engine.steps()
    }

    /// The name of the computation that [`Judge::evaluate`] would do: equal names, equal results.
    pub fn computation(&self, answer: &Answer) -> String {
        answer.computation(self.rubric.reference(), &self.model(), &self.sampling())
    }

    /// Evaluates one answer, blocking. Errors are for what no record can express: a stage that the rubric does not
    /// know, cancellation, an engine that is gone.
    pub fn evaluate(&self, answer: &Answer, cancel: &Cancel) -> Result<Evaluation, Error> {
        let area = self.rubric.area_of(&answer.stage)?;
        let started_at = self.clock.wall();
        let (judged, truncated) = answer.judged();
        let mut outcome = match triage::insufficient(judged, answer.language) {
            Some(reason) => Outcome::without_score(Status::InsufficientEvidence, reason, None),
            None => self.ask(answer, judged, area, cancel)?,
        };
        let suspicion = injection::suspicion(&answer.text, answer.language);
        outcome.warnings.splice(0..0, truncated.into_iter().chain(suspicion));
        let provenance = Provenance { usage: outcome.usage.take(), ..self.provenance(answer, started_at) };
        Ok(self.record(answer, &area.id, outcome, provenance))
    }

    /// The record of an answer that cannot even be put to the model, such as one to an unknown question: failed, and why.
    /// It belongs to no area.
    pub fn refuse(&self, answer: &Answer, reason: Note) -> Evaluation {
        let now = self.clock.wall();
        let outcome = Outcome::without_score(Status::Failed, reason, None);
        self.record(answer, "", outcome, self.provenance(answer, now))
    }

    fn provenance(&self, answer: &Answer, started_at: DateTime<Utc>) -> Provenance {
        Provenance {
            computation: self.computation(answer),
            input_sha256: answer.input_sha256(),
            prompt_version: prompt::VERSION.to_owned(),
            model: self.model(),
            sampling: self.sampling(),
            usage: None,
            worker_id: self.settings.worker_id.clone(),
            started_at,
            finished_at: self.clock.wall(),
        }
    }

    fn record(&self, answer: &Answer, area: &str, outcome: Outcome, provenance: Provenance) -> Evaluation {
        let Outcome { status, reason, items, feedback, warnings, .. } = outcome;
        let total = (status == Status::Scored).then(|| items.iter().map(|item| item.score).sum::<u32>());
        Evaluation {
            schema_version: SCHEMA_VERSION,
            evaluation_id: viva_core::evaluation::new_id(),
            interview_id: answer.interview_id,
            transcript_id: answer.transcript_id,
            question_id: answer.question_id,
            question: answer.question.clone(),
            stage: answer.stage.clone(),
            area: area.to_owned(),
            language: answer.language.code().to_owned(),
            rubric: self.rubric.reference().clone(),
            status,
            reason,
            items,
            total,
            max: AREA_MAX,
            band: total.map(|total| self.rubric.band(f64::from(total)).id.clone()),
            feedback,
            warnings,
            provenance,
        }
    }

    fn ask(&self, answer: &Answer, judged: &str, area: &Area, cancel: &Cancel) -> Result<Outcome, Error> {
        let request = Request {
            messages: prompt::messages(answer, judged, area, &self.rubric),
            schema: Some(prompt::schema(area, &evidence::segments(judged))),
            sampling: self.settings.sampling.clone(),
            max_tokens: self.settings.max_tokens,
            ..Request::default()
        };
        let completion = match complete(self.engine.as_ref(), &request, cancel)? {
            Ok(completion) => completion,
            Err(reason) => return Ok(Outcome::without_score(Status::Failed, reason, None)),
        };
        let usage = usage(&completion);
        Ok(match verdict::read(&completion.text, judged, area, &self.rubric, answer.language) {
            Ok(mut verdict) => {
                verdict.warnings.extend(cut_short(&completion, answer.language));
                Outcome::scored(verdict, usage)
            }
            Err(what) => Outcome::without_score(Status::Failed, broken_reply(&what, &completion), Some(usage)),
        })
    }

    pub(crate) fn sampling(&self) -> SamplingRecord {
        let Sampling { temperature, top_p, seed } = self.settings.sampling;
        SamplingRecord { temperature, top_p, seed, max_tokens: self.settings.max_tokens }
    }
}

/// Asks the engine. What one request can suffer is the inner error; what would befall every request is the outer.
pub(crate) fn complete(engine: &dyn Engine, request: &Request, cancel: &Cancel) -> Result<Result<Completion, Note>, Error> {
    match engine.complete(request, cancel, &mut |_| {}) {
        Ok(completion) => Ok(Ok(completion)),
        Err(viva_llm::Error::Cancelled) => Err(Error::Cancelled),
        Err(error @ viva_llm::Error::Busy { .. }) => Err(Error::EngineBusy(error)),
        Err(error @ viva_llm::Error::Stopped(_)) => Err(Error::EngineStopped(error)),
        Err(error @ viva_llm::Error::Remote { transient: true, .. }) => Err(Error::EngineAway(error)),
        Err(error) => Ok(Err(Note::new("model_failed", chain(&error)))),
    }
}

/// The engine closed a reply that met its token limit: what came last, the feedback, may be cut.
fn cut_short(completion: &Completion, language: Language) -> Option<Note> {
    let detail = language.pick("모델의 답이 길이 제한에서 잘렸습니다", "the model's reply was cut at its token limit");
    (completion.finish == Finish::Length).then(|| Note::new("reply_cut", detail))
}

/// Why a reply cannot be used.
pub(crate) fn broken_reply(what: &str, completion: &Completion) -> Note {
    let cut = if completion.finish == Finish::Length { " (the reply met its token limit)" } else { "" };
    Note::new("invalid_reply", format!("{what}{cut}"))
}

/// What a completion cost, as it is stored.
pub(crate) fn usage(completion: &Completion) -> Usage {
    Usage {
        tokens_in: completion.tokens_in,
        tokens_cached: completion.tokens_cached,
        tokens_out: completion.tokens_out,
        tokens_forced: completion.tokens_forced,
        finish_reason: match completion.finish {
            Finish::Stop => "stop",
            Finish::Length => "length",
        }
        .to_owned(),
        prompt_sha256: completion.prompt_sha256.clone(),
    }
}

/// An error with every cause behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
