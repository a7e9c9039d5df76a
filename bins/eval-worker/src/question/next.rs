//! `tasks.question_generation.generate_next_question`: made once, then asked in one short unit of work.

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use viva_core::store::{Letter, NewQuestion, NextQuestion, Relayed, Session};
use viva_core::task::Synthesize;
use viva_core::{Digest, Task, TaskError};
use viva_worker::{Answer, Context, Flight, Handler, Work};

use super::Interviewer;
use super::make::Made;
use super::scene::{Next, Scene};
use super::script::{Kind, Stage};
use crate::answers::misrouted;

/// Asks an interview's next question, once however many ask for it.
#[derive(Debug)]
pub struct GenerateNextQuestion {
    /// Makes and stores.
    pub interviewer: Interviewer,
    /// Keeps a question from being made twice.
    pub flight: Flight,
}

#[async_trait]
impl Handler for GenerateNextQuestion {
    async fn handle(&self, task: Task, context: Context) -> Result<Answer, TaskError> {
        let Task::GenerateNextQuestion { interview_id } = task else { return Err(misrouted(&task)) };
        let unit = self.interviewer.store.read().await?;
        let scene = Scene::read(&unit, interview_id).await?;
        unit.rollback().await?;
        match scene.next(&self.interviewer.script) {
            Next::Asked(question) => Ok(asked(&question).into()),
            Next::Waiting => Ok(idle("waiting_for_user_to_catch_up").into()),
            Next::Completed => Ok(idle("completed").into()),
            Next::Ask(place) => {
                let computation = scene.computation();
                let asking = Asking { next: self, scene, place, computation: computation.clone() };
                self.flight.fly(&asking, &computation, &task, &context).await
            }
        }
    }
}

/// A question on its way to its candidate.
struct Asking<'n> {
    next: &'n GenerateNextQuestion,
    scene: Scene,
    /// In the script.
    place: usize,
    computation: Digest,
}

/// Not asked yet, or asked.
enum Question {
    Made(Made),
    Asked(NextQuestion),
}

#[async_trait]
impl Work for Asking<'_> {
    type Output = Question;

    async fn find(&self, unit: &Session) -> Result<Option<Question>, TaskError> {
        Ok(unit.next_questions().find(&self.computation).await?.map(Question::Asked))
    }

    async fn compute(&self, cancel: &CancellationToken) -> Result<Question, TaskError> {
        Ok(Question::Made(self.next.interviewer.make(&self.scene, self.stage(), cancel).await?))
    }

    async fn keep(&self, unit: &Session, question: Question) -> Result<Question, TaskError> {
        let Question::Made(made) = question else { return Ok(question) };
        let (stage, interview_id) = (self.stage(), self.scene.interview_id);
        let is_first = !unit.next_questions().any(interview_id).await?;
        let row = NewQuestion {
            content: made.text.clone(),
            stage: stage.name.clone(),
            category: stage.category,
            follows_up: self.scene.turns.last().filter(|_| stage.kind == Kind::FollowUp).map(|turn| turn.question.id),
        };
        let question_id = unit.questions().add(&row).await?;
        unit.transcripts().ask(interview_id, question_id, &made.text).await?;
        let asked = NextQuestion {
            interview_id,
            question_id,
            stage: stage.name.clone(),
            question: made.text,
            made_by: made.by.to_owned(),
            details: made.details,
        };
        unit.next_questions().record(&self.computation, &asked).await?;
        if self.next.interviewer.voices {
            self.have_spoken(unit, &asked, is_first).await?;
        }
        tracing::info!(interview_id, question_id, stage = asked.stage, made_by = asked.made_by, "next question asked");
        Ok(Question::Asked(asked))
    }

    /// The question is its own target: it is stored where it is asked, once.
    fn target(&self, _: &Task) -> Option<String> {
        None
    }

    async fn show(&self, _: &Session, _: &Task, _: &Question) -> Result<(), TaskError> {
        Ok(())
    }

    fn answer(&self, _: &Task, question: &Question, _: bool) -> Value {
        match question {
            Question::Asked(question) => asked(question),
            Question::Made(made) => json!({ "status": "error", "stage": self.stage().name, "question": made.text, "question_id": null }),
        }
    }
}

impl Asking<'_> {
    fn stage(&self) -> &Stage {
        &self.next.interviewer.script.stages()[self.place]
    }

    /// Sends the question to be spoken, and with an interview's first one those to come that depend on nothing said in it. These
    /// have no row yet and so no file: when they are asked, their clip is found.
    async fn have_spoken(&self, unit: &Session, asked: &NextQuestion, is_first: bool) -> Result<(), TaskError> {
        let facts = &self.scene.facts;
        let speak = |text: String, question_id: Option<i32>| {
            let language = facts.language.code().to_owned();
            let message = Task::Synthesize(Synthesize { text, language, speed: 1.0, question_id, voice: None, format: None }).to_message();
            (Relayed::By(self.next.flight.worker()), Letter::Task { message })
        };
        let mut letters = vec![speak(asked.question.clone(), Some(asked.question_id))];
        if is_first {
            let to_come = &self.next.interviewer.script.stages()[self.place + 1..];
            let known = to_come.iter().filter(|stage| stage.kind == Kind::Template);
            letters.extend(known.map(|stage| speak(stage.text(facts), None)));
        }
        Ok(unit.outbox().post(&letters).await?)
    }
}

fn asked(question: &NextQuestion) -> Value {
    json!({ "status": "success", "stage": question.stage, "question": question.question, "question_id": question.question_id })
}

/// There is nothing to ask.
fn idle(status: &str) -> Value {
    json!({ "status": status, "stage": null, "question": null, "question_id": null })
}
