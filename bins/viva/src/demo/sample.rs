//! The interview that the demo runs on: one of the project's, or a file of the same form.

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;
use viva_core::digest::sha256_hex;
use viva_core::store::{Interview, Question, Session, Transcript};

use crate::cli::{DemoArgs, Language};

const KOREAN: &str = include_str!("../../../../samples/interview.ko.yaml");
const ENGLISH: &str = include_str!("../../../../samples/interview.en.yaml");
const SCHEMA_VERSION: u32 = 1;

/// An interview with its answers.
#[derive(Debug, Deserialize)]
pub(super) struct Sample {
    schema_version: u32,
    pub(super) language: String,
    pub(super) position: String,
    pub(super) questions: Vec<Asked>,
    /// Follows from the content, so that two interviews in one database don't meet.
    #[serde(skip)]
    pub(super) interview_id: i32,
}

/// A question and what the recogniser heard.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    pub(super) id: i32,
    pub(super) stage: String,
    pub(super) text: String,
    pub(super) answer: String,
}

impl Sample {
    /// The interview that the arguments ask for.
    pub(super) fn choose(args: &DemoArgs) -> anyhow::Result<Self> {
        match (&args.interview, args.language) {
            (Some(path), _) => {
                let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
                Self::parse(&text).with_context(|| format!("{} is not an interview", path.display()))
            }
            (None, Language::Ko) => Self::parse(KOREAN).context("the Korean sample is not an interview; this is a bug"),
            (None, Language::En) => Self::parse(ENGLISH).context("the English sample is not an interview; this is a bug"),
        }
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut sample: Self = serde_saphyr::from_str(text)?;
        ensure!(
            sample.schema_version == SCHEMA_VERSION,
            "its schema_version is {}, this program reads {SCHEMA_VERSION}",
            sample.schema_version
        );
        ensure!(!sample.questions.is_empty(), "it has no questions");
        let digest = u32::from_str_radix(&sha256_hex(text.as_bytes())[..8], 16)?;
        sample.interview_id = i32::try_from(digest >> 1)?;
        let mut ids: Vec<i32> = sample.questions.iter().map(|q| q.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ensure!(ids.len() == sample.questions.len() && ids[0] > 0, "its questions do not have ids of their own, above 0");
        Ok(sample)
    }

    /// Row of `transcripts` that holds the answer at `index`.
    pub(super) fn transcript_id(&self, index: usize) -> i32 {
        self.interview_id.wrapping_add(index as i32) & i32::MAX
    }

    /// Writes the rows that a platform would have written by the end of the interview.
    pub(super) async fn store(&self, session: &Session) -> anyhow::Result<()> {
        let status = "COMPLETED".to_owned();
        let known = session.interviews().get(self.interview_id).await.is_ok();
        if !known {
            let interview = Interview { id: self.interview_id, position: self.position.clone(), status, overall_score: None };
            session.interviews().put(&interview).await?;
        }
        for (index, asked) in self.questions.iter().enumerate() {
            let question = Question {
                id: asked.id,
                content: asked.text.clone(),
                question_type: Some(asked.stage.clone()),
                rubric_json: Some(json!({})),
            };
            session.questions().put(&question).await?;
            if !known {
                session.transcripts().put(&self.transcript(index, asked)).await?;
            }
        }
        Ok(())
    }

    fn transcript(&self, index: usize, asked: &Asked) -> Transcript {
        Transcript {
            id: self.transcript_id(index),
            interview_id: self.interview_id,
            speaker: "USER".to_owned(),
            text: asked.answer.clone(),
            question_id: Some(asked.id),
            order: Some(index as i32),
            total_score: None,
            rubric_score: None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn both_samples_have_seventeen_questions_over_fifteen_stages() {
        for text in [KOREAN, ENGLISH] {
            let sample = Sample::parse(text).unwrap();
            let mut stages: Vec<_> = sample.questions.iter().map(|q| q.stage.as_str()).collect();
            stages.dedup();
            assert_eq!((sample.questions.len(), stages.len()), (17, 15), "{}", sample.language);
        }
    }

    #[test]
    fn a_file_that_is_no_interview_is_refused_with_the_reason() {
        let twice = "schema_version: 1\nlanguage: ko\nposition: p\nquestions:\n- &q {id: 1, stage: intro, text: t, answer: a}\n- *q\n";
        for (text, reason) in
            [("[]", ""), (twice, "ids of their own"), (&KOREAN.replace("schema_version: 1", "schema_version: 9"), "schema_version is 9")]
        {
            let error = Sample::parse(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
