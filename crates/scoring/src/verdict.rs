//! From the model's JSON to items: bounds checked, quotes verified, items without evidence capped.
//!
//! Promises that nothing the model says is taken on trust, whether a grammar held it or not.

use std::collections::HashMap;

use serde::Deserialize;
use viva_core::evaluation::{Item, Note};

use viva_llm::Completion;

use crate::Language;
use crate::evidence::{self, Checked};
use crate::expected::{self, Weighed};
use crate::prompt::FEEDBACK_MAX;
use crate::rubric::{self, Area, Rubric};

#[derive(Debug, Deserialize)]
struct Reply {
    feedback: String,
    #[serde(flatten)]
    items: HashMap<String, ItemReply>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemReply {
    quote: String,
    score: u32,
}

/// What a reply comes to.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) items: Vec<Item>,
    pub(crate) feedback: String,
    pub(crate) warnings: Vec<Note>,
}

/// Reads the model's reply about `answer`; the error says which rule it broke.
pub(crate) fn read(completion: &Completion, answer: &str, area: &Area, rubric: &Rubric, language: Language) -> Result<Verdict, String> {
    let text = &completion.text;
    let mut reply: Reply = serde_json::from_str(text.trim()).map_err(|error| format!("not the JSON that was asked for: {error}"))?;
    let mut replied = Vec::with_capacity(area.items.len());
    for wanted in &area.items {
        let item = reply.items.remove(&wanted.id).ok_or_else(|| format!("item {} is missing", wanted.id))?;
        if item.score > wanted.max {
            return Err(format!("item {} got {} of {} points", wanted.id, item.score, wanted.max));
        }
        replied.push((wanted, item));
    }
    let points: Vec<(u32, u32)> = replied.iter().map(|(wanted, item)| (item.score, wanted.max)).collect();
    let weighed = expected::weigh(text, &completion.numbers, &points);
    let mut warnings = Vec::new();
    let settle = |(index, (wanted, item)): (usize, &(&rubric::Item, ItemReply))| {
        let judge = ItemJudge { wanted, rubric, language };
        judge.settle(item, weighed.as_ref().map(|all| all[index]), answer, &mut warnings)
    };
    let items: Vec<Item> = replied.iter().enumerate().map(settle).collect();
    if let Some(extra) = reply.items.keys().next() {
        return Err(format!("there is no item {extra}"));
    }
    let feedback = reply.feedback.trim().to_owned();
    if feedback.is_empty() || feedback.chars().count() > FEEDBACK_MAX {
        return Err(format!("the feedback must say something in at most {FEEDBACK_MAX} characters"));
    }
    Ok(Verdict { items, feedback, warnings })
}

struct ItemJudge<'a> {
    wanted: &'a rubric::Item,
    rubric: &'a Rubric,
    language: Language,
}

impl ItemJudge<'_> {
    fn settle(&self, reply: &ItemReply, weighed: Option<Weighed>, answer: &str, warnings: &mut Vec<Note>) -> Item {
        let max = self.wanted.max;
        let evidence = match evidence::check(answer, &reply.quote) {
            Checked::Found(evidence) => vec![evidence],
            Checked::None => Vec::new(),
            Checked::Dropped => {
                warnings.push(self.note(
                    "quote_dropped",
                    "답변에 없는 인용을 버렸습니다",
                    "a quote that does not stand in the answer was dropped",
                ));
                Vec::new()
            }
        };
        let cap = if evidence.is_empty() { self.rubric.lowest_band_cap(max) } else { max };
        if reply.score > cap {
            let ko = format!("근거가 없어 {}점을 {cap}점으로 낮췄습니다", reply.score);
            let en = format!("{} points without evidence were lowered to {cap}", reply.score);
            warnings.push(self.note("capped_without_evidence", &ko, &en));
        }
        let title = self.wanted.title.get(self.language).to_owned();
        Item {
            name: self.wanted.id.clone(),
            title,
            score: reply.score.min(cap),
            max,
            evidence,
            expected: weighed.map(|weighed| weighed.expected.min(f64::from(cap))),
            probability: weighed.map(|weighed| weighed.probability),
        }
    }

    fn note(&self, code: &str, ko: &str, en: &str) -> Note {
        Note::new(code, format!("{}: {}", self.wanted.title.get(self.language), self.language.pick(ko, en)))
    }
}
