//! One evaluation per answer: triage, one question to the model, and a record whatever comes of it.
//!
//! Promises no invented score: what cannot be judged says why, what failed says how, and a total is always the sum of
//! its items. Does not store, retry or schedule. Blocks while the model runs: keep it off the async runtime.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use viva_core::Clock;
use viva_core::evaluation::{
    Confidence, Evaluation, Item, ModelRecord, Note, Passage, Provenance, SCHEMA_VERSION, SamplingRecord, Status, Usage,
};
use viva_llm::{Cancel, Engine, Sampling};

use crate::answer::{Answer, model_record};
use crate::asking::Asked;
use crate::rubric::{AREA_MAX, Rubric};
use crate::verdict::Verdict;
use crate::{Error, evidence, injection, prompt, speech, triage};

/// How the model is asked, and in whose name.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How tokens are chosen; greedy unless told.
    pub sampling: Sampling,
    /// Bound of one reply in tokens. The schemas end earlier, even where a syllable takes three tokens.
    pub max_tokens: usize,
    /// How often the model is asked about an answer, at least once. The first reply is the score; the others, asked with the
    /// items in another order and sampled warmly, tell how far one can rely on it.
    pub samples: u32,
    /// Whether passages that seem to talk to the model are kept from it. They are flagged either way.
    pub withhold: bool,
    /// Stored with every result.
    pub worker_id: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { sampling: Sampling::default(), max_tokens: 2_000, samples: 1, withhold: true, worker_id: "local".to_owned() }
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
pub(crate) struct Outcome {
    status: Status,
    reason: Option<Note>,
    items: Vec<Item>,
    confidence: Option<Confidence>,
    feedback: Option<String>,
    warnings: Vec<Note>,
    withheld: Vec<Passage>,
    usage: Option<Usage>,
}

impl Outcome {
    pub(crate) fn scored(verdict: Verdict, confidence: Option<Confidence>, usage: Usage) -> Self {
        let Verdict { items, feedback, warnings } = verdict;
        let (status, feedback, usage) = (Status::Scored, Some(feedback), Some(usage));
        Self { status, reason: None, items, confidence, feedback, warnings, withheld: Vec::new(), usage }
    }

    pub(crate) fn without_score(status: Status, reason: Note, usage: Option<Usage>) -> Self {
        let (items, warnings, withheld) = (Vec::new(), Vec::new(), Vec::new());
        Self { status, reason: Some(reason), items, confidence: None, feedback: None, warnings, withheld, usage }
    }
}

impl Judge {
    /// A judge that asks `engine` by `rubric`.
    pub fn new(engine: Arc<dyn Engine>, rubric: Rubric, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        Self { engine, rubric, settings, clock }
    }

    /// The model, for whoever else needs one in this process.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
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
        answer.computation(self.rubric.reference(), &self.model(), &self.sampling(), &self.prompt_version())
    }

    /// Evaluates one answer, blocking. Errors are for what no record can express: a stage that the rubric does not
    /// know, cancellation, an engine that is gone.
    pub fn evaluate(&self, answer: &Answer, cancel: &Cancel) -> Result<Evaluation, Error> {
        let area = self.rubric.area_of(&answer.stage)?;
        let started_at = self.clock.wall();
        let (judged, truncated) = answer.judged();
        let suspicion = injection::find(judged);
        let withheld = if self.settings.withhold { suspicion.passages.as_slice() } else { &[] };
        let shown = injection::without(judged, withheld);
        let quotable = quotable(judged, withheld);
        let mut outcome = match triage::insufficient(judged, answer.language).or_else(|| nothing_left(answer, judged, &quotable)) {
            Some(reason) => Outcome::without_score(Status::InsufficientEvidence, reason, None),
            None => self.ask(&Asked { answer, judged, shown: &shown, quotable: &quotable, area }, cancel)?,
        };
        outcome.withheld = withheld.to_vec();
        let flag = injection::note(&suspicion, answer.language);
        outcome.warnings.splice(0..0, truncated.into_iter().chain(flag));
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
            prompt_version: self.prompt_version(),
            model: self.model(),
            sampling: self.sampling(),
            usage: None,
            worker_id: self.settings.worker_id.clone(),
            attempt: 0,
            started_at,
            finished_at: self.clock.wall(),
        }
    }

    fn record(&self, answer: &Answer, area: &str, outcome: Outcome, provenance: Provenance) -> Evaluation {
        let Outcome { status, reason, items, confidence, feedback, warnings, withheld, .. } = outcome;
        let expected: Option<f64> = items.iter().map(|item| item.expected).sum();
        let total = (status == Status::Scored).then(|| items.iter().map(|item| item.score).sum::<u32>());
        Evaluation {
            schema_version: SCHEMA_VERSION,
            evaluation_id: viva_core::evaluation::new_id(),
            interview_id: answer.interview_id,
            transcript_id: answer.transcript_id,
            question_id: answer.question_id,
            question: answer.question.clone(),
            answer: answer.text.clone(),
            stage: answer.stage.clone(),
            area: area.to_owned(),
            language: answer.language.code().to_owned(),
            rubric: self.rubric.reference().clone(),
            status,
            reason,
            items,
            total,
            expected_total: expected.filter(|_| total.is_some()).map(|points| (points * 10.0).round() / 10.0),
            confidence,
            max: AREA_MAX,
            band: total.map(|total| self.rubric.band(f64::from(total)).id.clone()),
            feedback,
            warnings,
            withheld,
            speech: speech::facts(&answer.text, answer.language, answer.seconds),
            provenance,
            supersedes: None,
            human_review: None,
        }
    }

    /// Names the prompt, and what of an answer it shows.
    fn prompt_version(&self) -> String {
        let all = if self.settings.withhold { "" } else { "+all" };
        format!("{}{all}", prompt::VERSION)
    }

    pub(crate) fn sampling(&self) -> SamplingRecord {
        let Sampling { temperature, top_p, seed } = self.settings.sampling;
        SamplingRecord { temperature, top_p, seed, max_tokens: self.settings.max_tokens, samples: self.settings.samples.max(1) }
    }
}

/// The segments of the answer that may be quoted.
fn quotable<'a>(judged: &'a str, withheld: &[Passage]) -> Vec<&'a str> {
    injection::outside(judged, withheld).into_iter().flat_map(evidence::segments).collect()
}

/// An answer that is nothing but talk to the model says nothing to the interviewer.
fn nothing_left(answer: &Answer, judged: &str, quotable: &[&str]) -> Option<Note> {
    let detail = answer.language.pick("평가 모델을 향한 말뿐입니다", "there is nothing but text aimed at the model");
    (quotable.is_empty() && !evidence::segments(judged).is_empty()).then(|| Note::new("only_injection", detail))
}
