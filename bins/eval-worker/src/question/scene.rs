//! Where an interview stands, and what that asks for next.

use viva_core::store::{NextQuestion, Session, Turn};
use viva_core::{Digest, TaskError};
use viva_scoring::Language;

use super::script::{Facts, Script};
use crate::resume::structured;

/// An interview as far as it has come.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) interview_id: i32,
    pub(super) resume_id: Option<i32>,
    pub(super) facts: Facts,
    pub(super) turns: Vec<Turn>,
    /// How the last question was made, if it was made here.
    made: Option<NextQuestion>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// The question of this stage of the script.
    Ask(usize),
    /// It is asked already, and not answered yet.
    Asked(NextQuestion),
    /// A question of somebody else is not answered yet.
    Waiting,
    /// The last stage is answered.
    Completed,
}

impl Scene {
    pub(super) async fn read(unit: &Session, interview_id: i32) -> Result<Self, TaskError> {
        let position = unit.interviews().get(interview_id).await?.position;
        let resume_id = unit.interviews().resume(interview_id).await?;
        let turns = unit.transcripts().turns(interview_id).await?;
        let made = match turns.last() {
            Some(turn) => unit.next_questions().of(turn.question.id).await?,
            None => None,
        };
        let resume = match resume_id {
            Some(id) => Some(unit.resumes().get(id).await?),
            None => None,
        };
        // The language of what was asked; before that, of what is known.
        let asked: String = turns.iter().map(|turn| turn.question.content.as_str()).collect();
        let known = || position.clone() + resume.as_ref().and_then(|resume| resume.extracted_text.as_deref()).unwrap_or_default();
        let language = Language::detect(if asked.is_empty() { known() } else { asked }.as_str());
        let project = resume.as_ref().and_then(structured).and_then(|data| {
            let title = data["projects"][0]["title"].as_str()?.trim();
            (1..=40).contains(&title.chars().count()).then(|| title.to_owned())
        });
        Ok(Self { interview_id, resume_id, facts: Facts { position, project, language }, turns, made })
    }

    pub(super) fn next(&self, script: &Script) -> Next {
        let Some(last) = self.turns.last() else { return Next::Ask(0) };
        if last.answers.is_empty() {
            return self.made.clone().map_or(Next::Waiting, Next::Asked);
        }
        let stage = last.question.question_type.as_deref().and_then(|name| script.place(name));
        // A stage that the script does not know counts as the one in its place.
        let next = stage.unwrap_or(self.turns.len() - 1) + 1;
        if next < script.stages().len() { Next::Ask(next) } else { Next::Completed }
    }

    /// The name of the computation: by the question that was answered last, so that two who ask at once get one question,
    /// whatever else differs between them.
    pub(super) fn computation(&self) -> Digest {
        let last = self.turns.last().map_or_else(|| "none".to_owned(), |turn| turn.question.id.to_string());
        Digest::of_computation("next question", &[("interview", &self.interview_id.to_string()), ("after", &last)])
    }

    /// What was said to the last question.
    pub(super) fn last_answer(&self) -> String {
        self.turns.last().map(|turn| turn.answers.join("\n")).unwrap_or_default()
    }
}
