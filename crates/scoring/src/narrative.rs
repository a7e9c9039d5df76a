//! The written part of the report: strengths, improvements and a summary, by the model.
//!
//! Promises that the model sees stored evaluations only, never an answer or a quote, and that where it fails the
//! report says so instead of filling the gap. The model's own earlier feedback is data too: a candidate may have
//! talked it into repeating something.

use serde::Deserialize;
use serde_json::{Value, json};
use viva_core::Digest;
use viva_core::evaluation::Evaluation;
use viva_core::report::{NarrativeStatus, Report};
use viva_llm::{Cancel, Message, Part, Request, Role};

use crate::asking::{broken_reply, complete, usage};
use crate::{Error, Judge, Language};

/// Version of the prompt below.
pub const VERSION: &str = "narrate/1";
/// Shortest text that says anything, in characters.
const TEXT_MIN: usize = 10;
/// Longest strength or improvement, in characters.
pub const POINT_MAX: usize = 60;
/// Longest summary, in characters.
pub const SUMMARY_MAX: usize = 200;
/// Most strengths, and most improvements.
pub const POINTS_MAX: usize = 3;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reply {
    strengths: Vec<String>,
    improvements: Vec<String>,
    summary: String,
}

impl Judge {
    /// The name of the computation that [`Judge::narrate`] would do: equal names, equal words.
    pub fn narrative_computation(&self, report: &Report) -> Result<String, Error> {
        Ok(self.name(&self.narrative_request(report)?))
    }

    /// Writes strengths, improvements and summary into `report`, or why there are none. Blocks.
    pub fn narrate(&self, report: &mut Report, cancel: &Cancel) -> Result<(), Error> {
        if report.counts.scored == 0 {
            return Ok(());
        }
        let request = self.narrative_request(report)?;
        report.narrative.computation = Some(self.name(&request));
        let written = match complete(self.engine.as_ref(), &request, cancel)? {
            Ok(completion) => {
                report.narrative.usage = Some(usage(&completion));
                read(&completion.text).map_err(|what| broken_reply(&what, &completion))
            }
            Err(reason) => Err(reason),
        };
        match written {
            Ok(reply) => {
                report.narrative.status = NarrativeStatus::Written;
                report.strengths = reply.strengths;
                report.improvements = reply.improvements;
                report.summary = Some(reply.summary);
            }
            Err(reason) => {
                report.narrative.status = NarrativeStatus::Failed;
                report.narrative.reason = Some(reason);
            }
        }
        Ok(())
    }

    fn narrative_request(&self, report: &Report) -> Result<Request, Error> {
        Ok(Request {
            messages: messages(report, report.language.parse()?),
            schema: Some(schema()),
            sampling: self.settings.sampling.clone(),
            max_tokens: self.settings.max_tokens,
            ..Request::default()
        })
    }

    fn name(&self, request: &Request) -> String {
        let model = self.model();
        let (messages, sampling) = (json!(request.messages).to_string(), json!(self.sampling()).to_string());
        let inputs = [
            ("messages", messages.as_str()),
            ("model", &model.sha256),
            ("template", model.template_sha256.as_deref().unwrap_or("none")),
            ("engine", &model.engine),
            ("sampling", &sampling),
            ("prompt", VERSION),
        ];
        Digest::of_computation("narrative", &inputs).into()
    }
}

fn read(text: &str) -> Result<Reply, String> {
    let reply: Reply = serde_json::from_str(text.trim()).map_err(|error| format!("not the JSON that was asked for: {error}"))?;
    for (name, points) in [("strengths", &reply.strengths), ("improvements", &reply.improvements)] {
        if points.is_empty() || points.len() > POINTS_MAX {
            return Err(format!("{name} must have 1 to {POINTS_MAX} entries"));
        }
        if !points.iter().all(|point| within(point, POINT_MAX)) {
            return Err(format!("each of {name} must have 1 to {POINT_MAX} characters"));
        }
    }
    if !within(&reply.summary, SUMMARY_MAX) {
        return Err(format!("the summary must have 1 to {SUMMARY_MAX} characters"));
    }
    Ok(reply)
}

fn within(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max
}

fn schema() -> Value {
    let point = json!({ "type": "string", "minLength": TEXT_MIN, "maxLength": POINT_MAX });
    let points = json!({ "type": "array", "items": point, "minItems": 1, "maxItems": POINTS_MAX });
    let summary = json!({ "type": "string", "minLength": TEXT_MIN, "maxLength": SUMMARY_MAX });
    crate::prompt::object(&json!({ "strengths": points, "improvements": points, "summary": summary }))
}

fn messages(report: &Report, language: Language) -> Vec<Message> {
    let rules = language.pick(
        "당신은 면접 채점 결과를 정리합니다. 아래 채점 결과에 있는 것만 쓰고, 없는 내용은 지어내지 않습니다. \
         점수가 없는 답변은 칭찬하지도 탓하지도 않습니다. strengths와 improvements는 각각 1~3개, summary는 두세 문장으로, 모두 한국어로 씁니다.",
        "You sum up the scores of a job interview. Use only what the scores below say and make nothing up. Neither praise nor blame \
         answers without a score. Write 1 to 3 strengths, 1 to 3 improvements, and a summary of two or three sentences, all in English.",
    );
    let mut parts = vec![Part::Trusted(areas(report, language))];
    for (index, evaluation) in report.evaluations.iter().enumerate() {
        parts.push(Part::Trusted(line(index + 1, evaluation, language)));
        if let Some(feedback) = &evaluation.feedback {
            parts.push(Part::Data(feedback.clone()));
        }
        parts.push(Part::Trusted("\n".to_owned()));
    }
    let task = language.pick(
        "\n위 결과를 strengths, improvements, summary가 있는 JSON으로 정리하세요.",
        "\nSum this up as JSON with strengths, improvements and summary.",
    );
    parts.push(Part::Trusted(task.to_owned()));
    vec![Message { role: Role::System, parts: vec![Part::Trusted(rules.to_owned())] }, Message { role: Role::User, parts }]
}

fn areas(report: &Report, language: Language) -> String {
    let missing = language.pick("점수 없음", "no score");
    let lines = report.areas.iter().map(|area| {
        let score = area.score.map_or_else(|| missing.to_owned(), |score| format!("{score:.1}/100"));
        format!("{}: {score}\n", area.title)
    });
    lines.chain(["\n".to_owned()]).collect()
}

fn line(number: usize, evaluation: &Evaluation, language: Language) -> String {
    // A stage that the rubric does not know is anybody's text.
    let stage = if evaluation.area.is_empty() { "?" } else { &evaluation.stage };
    let Some(total) = evaluation.standing_total() else {
        let why = evaluation.reason.as_ref().map_or("", |reason| reason.code.as_str());
        return format!("{number}. {stage} {} ({why})", language.pick("점수 없음", "no score"));
    };
    let items: Vec<String> = evaluation.items.iter().map(|item| format!("{} {}/{}", item.title, item.score, item.max)).collect();
    format!("{number}. {stage} {total}/{} ({}): ", evaluation.max, items.join(", "))
}
