//! Putting an answer to the model, once or several times, and reading what it says.

use viva_core::evaluation::{Confidence, Note, Status, Usage};
use viva_llm::{Cancel, Completion, Engine, Finish, Request, Sampling};

use crate::answer::Answer;
use crate::evaluate::{Judge, Outcome};
use crate::rubric::{AREA_MAX, Area};
use crate::verdict::{self, Verdict};
use crate::{Error, Language, prompt};

/// How warmly the replies beyond the first are sampled, where the first is greedy: one that is never in doubt tells nothing.
const WARM: f32 = 0.7;

/// An answer as it is put to the model.
pub(crate) struct Asked<'a> {
    pub(crate) answer: &'a Answer,
    /// The part of it that is judged.
    pub(crate) judged: &'a str,
    /// What of it the model sees.
    pub(crate) shown: &'a str,
    /// Pieces of it that may be quoted.
    pub(crate) quotable: &'a [&'a str],
    pub(crate) area: &'a Area,
}

impl Judge {
    pub(crate) fn ask(&self, asked: &Asked<'_>, cancel: &Cancel) -> Result<Outcome, Error> {
        let mut replies = self.replies(asked, cancel)?.into_iter();
        let completion = match replies.next().expect("the model is asked at least once; this is a bug") {
            Ok(completion) => completion,
            Err(reason) => return Ok(Outcome::without_score(Status::Failed, reason, None)),
        };
        let (usage, language) = (usage(&completion), asked.answer.language);
        Ok(match verdict::read(&completion, asked.judged, asked.area, &self.rubric, language) {
            Ok(mut verdict) => {
                verdict.warnings.extend(cut_short(&completion, language));
                let others = replies.zip(1..).filter_map(|(reply, turn)| self.total(asked, turn, &reply.ok()?));
                let confidence = confidence(&verdict, others.collect());
                Outcome::scored(verdict, confidence, usage)
            }
            Err(what) => Outcome::without_score(Status::Failed, broken_reply(&what, &completion), Some(usage)),
        })
    }

    /// All replies, asked for at once: an engine decodes them together. What ends one for good ends all.
    fn replies(&self, asked: &Asked<'_>, cancel: &Cancel) -> Result<Vec<Result<Completion, Note>>, Error> {
        let samples = self.settings.samples.max(1) as usize;
        if samples == 1 {
            return Ok(vec![complete(self.engine.as_ref(), &self.request(asked, 0), cancel)?]);
        }
        std::thread::scope(|scope| {
            let ask = |turn| complete(self.engine.as_ref(), &self.request(asked, turn), cancel);
            let asking: Vec<_> = (0..samples).map(|turn| scope.spawn(move || ask(turn))).collect();
            asking.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        })
    }

    /// The `turn`th time that the model is asked: the items begin one further on, and the dice are others.
    fn request(&self, asked: &Asked<'_>, turn: usize) -> Request {
        let area = asked.area.rotated(turn);
        let first = &self.settings.sampling;
        let sampling = if turn == 0 {
            first.clone()
        } else {
            let temperature = if first.temperature > 0.0 { first.temperature } else { WARM };
            Sampling { temperature, seed: first.seed.wrapping_add(turn as u64), ..first.clone() }
        };
        Request {
            messages: prompt::messages(asked.answer, asked.shown, &area, &self.rubric),
            schema: Some(prompt::schema(&area, asked.quotable)),
            sampling,
            max_tokens: self.settings.max_tokens,
            ..Request::default()
        }
    }

    fn total(&self, asked: &Asked<'_>, turn: usize, reply: &Completion) -> Option<u32> {
        let read = verdict::read(reply, asked.judged, &asked.area.rotated(turn), &self.rubric, asked.answer.language);
        Some(read.ok()?.items.iter().map(|item| item.score).sum())
    }
}

/// How far the replies agree, or how likely the points of a single one were.
fn confidence(verdict: &Verdict, others: Vec<u32>) -> Option<Confidence> {
    let first: u32 = verdict.items.iter().map(|item| item.score).sum();
    if others.is_empty() {
        let likely = verdict.items.iter().map(|item| item.probability).collect::<Option<Vec<f64>>>()?;
        let mean = likely.iter().product::<f64>().powf(1.0 / likely.len() as f64);
        return Some(Confidence { value: rounded(mean), method: "point_probability".to_owned(), totals: Vec::new() });
    }
    let totals: Vec<u32> = std::iter::once(first).chain(others).collect();
    let pairs = totals.iter().enumerate().flat_map(|(index, one)| totals[index + 1..].iter().map(move |other| one.abs_diff(*other)));
    let distances: Vec<u32> = pairs.collect();
    let mean = f64::from(distances.iter().sum::<u32>()) / distances.len() as f64;
    Some(Confidence { value: rounded(1.0 - mean / f64::from(AREA_MAX)), method: "sample_agreement".to_owned(), totals })
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
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
