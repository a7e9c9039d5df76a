//! The scheduler over the first two layers of a real model: what it says is nonsense, but the same nonsense to the bit
//! whatever runs beside it. `VIVA_RUNS` sets the number of random schedules.
#![allow(clippy::unwrap_used, reason = "tests")]

mod bits;
mod fairness;
mod leaving;
mod soak;
mod validity;

use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::json;

use super::*;
use crate::config::Config;
use crate::engine::{Cancel, Completion, Priority, Request, Sampling};
use crate::gguf::Gguf;
use crate::grammar::Grammars;
use crate::kernel::{Instructions, Processor};
use crate::model::Precision;
use crate::sampler::Trace;

const CONTEXT: usize = 4096;

static FILE: LazyLock<(Gguf, Config, Tokenizer, Grammars)> = LazyLock::new(|| {
    let gguf = Gguf::open(viva_testkit::model("smollm2-135m").model()).unwrap();
    let config = Config { layers: 2, context: CONTEXT, ..Config::read(&gguf).unwrap() };
    let tokenizer = Tokenizer::read(&gguf).unwrap();
    let grammars = Grammars::new(&tokenizer).unwrap();
    (gguf, config, tokenizer, grammars)
});

fn scheduler(lanes: usize, pages: usize) -> Scheduler {
    let (gguf, config, tokenizer, _) = &*FILE;
    let model = Model::load(gguf, config.clone(), Precision::Fast, Processor::new(Instructions::detect())).unwrap();
    let limits = Limits { lanes, pages, chunk: 150, beside: 40, opening: 7, reuse: true, jump: true };
    Scheduler::new(model, tokenizer.clone(), limits, Arc::default())
}

fn below(random: &mut ChaCha8Rng, bound: usize) -> usize {
    random.next_u64() as usize % bound
}

/// What a request asks, and its prompt.
#[derive(Clone)]
struct Ask {
    request: Request,
    prompt: Vec<u32>,
}

impl Ask {
    /// One of three beginnings, of different lengths, and an end of its own.
    fn random(random: &mut ChaCha8Rng) -> Self {
        let shared = [0, 70, 200][below(random, 3)];
        let mut prompt: Vec<u32> = (0..shared).map(|i| 1000 + i * 7 % 977).collect();
        prompt.extend((0..=below(random, 90)).map(|_| 300 + below(random, 40_000) as u32));
        let item = json!({ "type": "integer", "minimum": 0, "maximum": 100 });
        let schema = json!({ "type": "object", "properties": { "score": item, "why": { "type": "string", "maxLength": 12 } }, "required": ["score", "why"], "additionalProperties": false });
        let sampling = Sampling { temperature: [0.0, 0.9][below(random, 2)], top_p: 0.95, seed: random.next_u64() };
        let priority = [Priority::Interactive, Priority::Evaluation, Priority::Background][below(random, 3)];
        let schema = (below(random, 2) == 0).then_some(schema);
        Self { request: Request { schema, sampling, max_tokens: 1 + below(random, 20), priority, ..Request::default() }, prompt }
    }

    /// A prompt of its own and one token: gone after a step.
    fn short(seed: u64, priority: Priority) -> Self {
        let mut ask = Self::random(&mut ChaCha8Rng::seed_from_u64(seed));
        (ask.request.max_tokens, ask.request.schema, ask.request.priority) = (1, None, priority);
        ask
    }

    fn submit(&self, scheduler: &mut Scheduler) -> Asked {
        let guide = self.request.schema.as_ref().map(|schema| FILE.3.compile(schema).unwrap());
        let (cancel, (events, answers)) = (Cancel::default(), channel());
        let caller = Caller::new(&self.request, cancel.clone(), events);
        let sequence = Sequence::new(&self.request, self.prompt.clone(), CONTEXT - self.prompt.len() - 1, guide, caller);
        let trace = sequence.sampler.trace();
        scheduler.submit(sequence);
        Asked { cancel, answers, trace }
    }
}

struct Asked {
    cancel: Cancel,
    answers: Receiver<Event>,
    trace: Trace,
}

impl Asked {
    /// How it ended, once it has.
    fn result(&self) -> Option<Result<Completion, Error>> {
        self.answers.try_iter().find_map(|event| if let Event::Done(result) = event { Some(result) } else { None })
    }

    /// The text, why it ended, and a digest of every row of logits that was chosen from.
    fn said(&self) -> Said {
        let completion = self.result().unwrap().unwrap();
        (completion.text, completion.tokens_out, self.trace.lock().unwrap().clone())
    }
}

type Said = (String, usize, Vec<u64>);

/// What each request gets in a scheduler of its own, where nothing is shared.
fn references(asks: &[Ask]) -> Vec<Said> {
    let mut scheduler = scheduler(1, 64);
    let mut alone = |ask: &Ask| {
        scheduler.prefixes = Prefixes::new(64);
        scheduler.pages = scheduler.model.new_pages();
        let asked = ask.submit(&mut scheduler);
        while !scheduler.is_idle() {
            scheduler.step();
        }
        asked.said()
    };
    asks.iter().map(&mut alone).collect()
}
