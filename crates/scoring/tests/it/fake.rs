//! An engine that says what a test tells it to, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use serde_json::{Value, json};
use viva_core::ManualClock;
use viva_llm::{Cancel, Completion, Engine, Error, Finish, ModelInfo, Part, Request};
use viva_scoring::{Answer, Judge, Language, Rubric, Settings};

type Script = Box<dyn FnMut(&Request) -> Result<String, Error> + Send>;

pub struct Fake {
    info: ModelInfo,
    script: Mutex<Script>,
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
        Arc::new(Self { info: info(7_000_000_000), script: Mutex::new(Box::new(script)), asked: Mutex::default() })
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

    pub fn calls(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
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
            text,
            finish: Finish::Stop,
            tokens_in: 100,
            tokens_cached: 0,
            tokens_out: 10,
            tokens_forced: 5,
            numbers: Vec::new(),
            prompt_sha256: "cd".repeat(32),
        })
    }

    fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        Ok(text.chars().count())
    }
}

pub fn judge(engine: Arc<Fake>) -> Judge {
    let clock = Arc::new(ManualClock::at(DateTime::from_timestamp(1_770_000_000, 0).unwrap()));
    Judge::new(engine, Rubric::builtin(), clock, Settings::default())
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
