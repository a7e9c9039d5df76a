//! An engine that says what a test tells it to, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use serde_json::{Value, json};
use viva_core::ManualClock;
use viva_llm::{Cancel, Chance, Completion, Engine, Error, Finish, ModelInfo, Number, Part, Request};
use viva_scoring::{Answer, Judge, Language, Rubric, Settings};

type Script = Box<dyn FnMut(&Request) -> Result<String, Error> + Send>;

pub struct Fake {
    info: ModelInfo,
    script: Mutex<Script>,
    /// How likely each digit of a score is said to have been; none where nothing is told.
    pub certainty: Option<f32>,
    pub asked: Mutex<Vec<Request>>,
}

pub fn info(parameters: u64) -> ModelInfo {
    ModelInfo {
        name: "fake".to_owned(),
        architecture: "none".to_owned(),
        parameters,
        quantisation: "F32".to_owned(),
        sha256: "ab".repeat(32),
        context_length: 8192,
        template_sha256: None,
        engine: "fake 1".to_owned(),
        numeric_class: "test".to_owned(),
    }
}

impl Fake {
    pub fn new(script: impl FnMut(&Request) -> Result<String, Error> + Send + 'static) -> Arc<Self> {
        Arc::new(Self { info: info(7_000_000_000), script: Mutex::new(Box::new(script)), certainty: None, asked: Mutex::default() })
    }

    /// Says these replies, one after the other.
    pub fn replies(replies: &[&str]) -> Arc<Self> {
        let mut left: VecDeque<String> = replies.iter().map(|&reply| reply.to_owned()).collect();
        Self::new(move |_| Ok(left.pop_front().expect("the script is over")))
    }

    /// Obeys the schema: the `pick`th quote for every item, and the item's maximum.
    pub fn obedient(pick: usize) -> Arc<Self> {
        Self::new(move |request| Ok(obey(request.schema.as_ref().unwrap(), pick)))
    }

    pub fn with_info(self: Arc<Self>, info: ModelInfo) -> Arc<Self> {
        let mut fake = Arc::into_inner(self).unwrap();
        fake.info = info;
        Arc::new(fake)
    }

    /// Tells of every number that its digits might as well have been zeros, with what is left of `certainty`.
    pub fn with_certainty(self: Arc<Self>, certainty: f32) -> Arc<Self> {
        let mut fake = Arc::into_inner(self).unwrap();
        fake.certainty = Some(certainty);
        Arc::new(fake)
    }

    pub fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// The scores of a reply as numbers in one token each, which might have been 0.
fn numbers(text: &str, certainty: f32) -> Vec<Number> {
    let scores = text.match_indices("\"score\":").map(|(at, key)| at + key.len());
    let number = |at: usize| {
        let digits: String = text[at..].chars().take_while(char::is_ascii_digit).collect();
        let chance = |text: &str, probability| Chance { text: text.to_owned(), probability };
        let step = if digits == "0" { vec![chance("0", 1.0)] } else { vec![chance(&digits, certainty), chance("0", 1.0 - certainty)] };
        Number { at, probability: step[0].probability, steps: vec![step] }
    };
    scores.map(number).collect()
}

/// A reply that the schema allows.
pub fn obey(schema: &Value, pick: usize) -> String {
    let mut reply = serde_json::Map::new();
    for (name, rule) in schema["properties"].as_object().unwrap() {
        let value = match rule["type"].as_str().unwrap() {
            "string" => json!("말이 분명합니다"),
            "array" => json!(["또렷합니다"]),
            _ => {
                let quotes = rule["properties"]["quote"]["enum"].as_array().unwrap();
                json!({ "quote": quotes[pick % quotes.len()], "score": rule["properties"]["score"]["maximum"] })
            }
        };
        reply.insert(name.clone(), value);
    }
    Value::Object(reply).to_string()
}

impl Engine for Fake {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn complete(&self, request: &Request, cancel: &Cancel, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        if cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        self.asked.lock().unwrap().push(request.clone());
        let text = (self.script.lock().unwrap())(request)?;
        on_text(&text);
        Ok(Completion {
            finish: Finish::Stop,
            tokens_in: 100,
            tokens_cached: 0,
            tokens_out: 10,
            tokens_forced: 5,
            numbers: self.certainty.map(|certainty| numbers(&text, certainty)).unwrap_or_default(),
            prompt_sha256: "cd".repeat(32),
            text,
        })
    }

    fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        Ok(text.chars().count())
    }
}

pub fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(DateTime::from_timestamp(1_770_000_000, 0).unwrap()))
}

pub fn judge(engine: Arc<Fake>) -> Judge {
    judge_with(engine, Settings::default())
}

pub fn judge_with(engine: Arc<Fake>, settings: Settings) -> Judge {
    Judge::new(engine, Rubric::builtin(), clock(), settings)
}

pub fn answer(stage: &str, text: &str) -> Answer {
    Answer {
        interview_id: Some(1),
        transcript_id: Some(2),
        question_id: Some(3),
        stage: stage.to_owned(),
        question: "트랜잭션이 무엇인가요?".to_owned(),
        text: text.to_owned(),
        language: Language::Ko,
        seconds: None,
    }
}

/// Everything trusted that a request holds, in one string.
pub fn trusted(request: &Request) -> String {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    parts.filter_map(|part| if let Part::Trusted(text) = part { Some(text.as_str()) } else { None }).collect()
}

/// Everything that is data.
pub fn data(request: &Request) -> Vec<&str> {
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    parts.filter_map(|part| if let Part::Data(text) = part { Some(text.as_str()) } else { None }).collect()
}
