//! Computing a stored evaluation once more, to see whether the same comes out.
//!
//! Promises the same bytes on the same numeric class, whatever else the engine decodes meanwhile; on another class it says so
//! and by how many points the scores differ. Needs the record alone, with the rubric that it names and the model file.

use std::sync::Arc;

use viva_core::Clock;
use viva_core::evaluation::{Evaluation, SamplingRecord};
use viva_llm::{Cancel, Engine, Sampling};

use crate::{Answer, Error, Judge, Rubric, Settings, prompt};

/// What came out.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// Whether engine, instructions and device are those of the record: only then must the bytes be equal.
    pub same_class: bool,
    /// Whether the result is the same, byte by byte, but for the class that it names.
    pub equal: bool,
    /// The new evaluation.
    pub again: Evaluation,
}

impl Replayed {
    /// By how many points the new total is above the stored one, if both have one.
    pub fn difference(&self, stored: &Evaluation) -> Option<i64> {
        Some(i64::from(self.again.total?) - i64::from(stored.total?))
    }
}

/// Computes `stored` again with `engine` and `rubric`, blocking. Refuses where the record was made with another model, rubric
/// or prompt: what came out would be no replay.
pub fn replay(engine: Arc<dyn Engine>, rubric: Rubric, clock: Arc<dyn Clock>, stored: &Evaluation) -> Result<Replayed, Error> {
    let made = &stored.provenance;
    let here = engine.info();
    let same = |what: &'static str, of_record: &str, here: &str| {
        let other = || Error::OtherInputs { what, of_record: of_record.to_owned(), here: here.to_owned() };
        if of_record == here { Ok(()) } else { Err(other()) }
    };
    same("model file (SHA-256)", &made.model.sha256, &here.sha256)?;
    same("rubric (SHA-256)", &stored.rubric.sha256, &rubric.reference().sha256)?;
    same("prompt", &made.prompt_version, prompt::VERSION)?;
    if made.model.numeric_class.starts_with("remote") {
        return Err(Error::Remote(made.model.engine.clone()));
    }
    let same_class = made.model.engine == here.engine && made.model.numeric_class == here.numeric_class;
    let SamplingRecord { temperature, top_p, seed, max_tokens, samples } = made.sampling;
    let sampling = Sampling { temperature, top_p, seed };
    let judge = Judge::new(engine, rubric, clock, Settings { sampling, max_tokens, samples, ..Settings::default() });
    let answer = Answer {
        interview_id: stored.interview_id,
        transcript_id: stored.transcript_id,
        question_id: stored.question_id,
        stage: stored.stage.clone(),
        question: stored.question.clone(),
        text: stored.answer.clone(),
        language: stored.language.parse()?,
        seconds: stored.speech.seconds,
    };
    let again = judge.evaluate(&answer, &Cancel::default())?;
    let equal = bytes(stored, stored)? == bytes(&again, stored)?;
    Ok(Replayed { same_class, equal, again })
}

/// The result under the engine and class of `named`, which are part of the record and not of what came out.
fn bytes(evaluation: &Evaluation, named: &Evaluation) -> Result<String, Error> {
    let mut shown = evaluation.clone();
    let model = &named.provenance.model;
    shown.provenance.model.engine.clone_from(&model.engine);
    shown.provenance.model.numeric_class.clone_from(&model.numeric_class);
    shown.provenance.computation.clone_from(&named.provenance.computation);
    shown.result_bytes().map_err(Error::Unwritable)
}
