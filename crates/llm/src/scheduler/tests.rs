//! The scheduler over the first two layers of a real model: what it says is nonsense, but the same nonsense to the bit
//! whatever runs beside it. `VIVA_RUNS` sets the number of random schedules.
#![allow(clippy::unwrap_used, reason = "tests")]

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

const CONTEXT: usize = 512;

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
    let limits = Limits { lanes, pages, chunk: 150, beside: 40 };
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

    fn submit(&self, scheduler: &mut Scheduler) -> Asked {
        let guide = self.request.schema.as_ref().map(|schema| FILE.3.compile(schema).unwrap());
        let (cancel, (events, answers)) = (Cancel::default(), channel());
        let sequence = Sequence::new(&self.request, self.prompt.clone(), CONTEXT - self.prompt.len() - 1, guide, cancel.clone(), events);
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

#[test]
fn an_answer_is_the_same_bits_whatever_runs_beside_it() {
    let runs: u64 = std::env::var("VIVA_RUNS").map_or(3, |runs| runs.parse().unwrap());
    let (mut preempted, mut shared) = (0, 0);
    let mut random = ChaCha8Rng::seed_from_u64(20);
    let asks: Vec<Ask> = (0..64).map(|_| Ask::random(&mut random)).collect();
    let expected = references(&asks);
    for seed in 0..runs {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for size in [1, 8, 17, 64] {
            let pages = [20, 40, 400][below(&mut random, 3)];
            let mut scheduler = scheduler([2, 9, 64][below(&mut random, 3)], pages);
            let mut left: Vec<usize> = (0..size).map(|_| below(&mut random, asks.len())).collect();
            let mut asked = Vec::new();
            while !(left.is_empty() && scheduler.is_idle()) {
                for _ in 0..below(&mut random, 6) {
                    let Some(index) = left.pop() else { break };
                    asked.push((index, asks[index].submit(&mut scheduler), below(&mut random, 8) == 0));
                }
                if let Some((_, asked, gone)) = asked.last().filter(|_| below(&mut random, 3) == 0)
                    && *gone
                {
                    asked.cancel.cancel();
                }
                scheduler.step();
            }
            for (index, asked, gone) in &asked {
                match asked.result() {
                    Some(Err(Error::Cancelled)) if *gone => {}
                    Some(Ok(completion)) => {
                        let said = (completion.text, completion.tokens_out, asked.trace.lock().unwrap().clone());
                        assert!(
                            said == expected[*index],
                            "seed {seed}, {size} at once, request {index}: {said:?} instead of {:?}",
                            expected[*index]
                        );
                    }
                    other => panic!("seed {seed}, {size} at once, request {index}: {other:?}"),
                }
            }
            assert_eq!(scheduler.prefixes.held(), 0, "seed {seed}: pages leak");
            preempted += scheduler.counters.preemptions.load(Relaxed);
            shared += scheduler.counters.prefix_tokens.load(Relaxed);
        }
    }
    println!("{runs} schedules, {preempted} preemptions, {shared} tokens of shared prefixes");
    assert!(preempted > 0 && shared > 0, "{preempted} preemptions, {shared} shared tokens: nothing was tried");
}

#[test]
fn a_background_request_is_overtaken_a_bounded_number_of_times() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut quick = Ask::random(&mut random);
    (quick.request.max_tokens, quick.request.schema, quick.request.priority) = (1, None, Priority::Interactive);
    let mut slow = quick.clone();
    slow.request.priority = Priority::Background;
    let mut scheduler = scheduler(1, 64);
    let waiting = slow.submit(&mut scheduler);
    let mut overtakers = Vec::new();
    // An interactive request for every step: without a bound, the background one would never run.
    let ended = (0..1000).find_map(|_| {
        overtakers.push(quick.submit(&mut scheduler));
        scheduler.step();
        waiting.result()
    });
    assert!(ended.unwrap().is_ok());
    let before = overtakers.iter().filter(|asked| asked.result().is_some()).count();
    assert!(before <= 2 * queue::PATIENCE + 2, "{before} later requests went first");
}

#[test]
fn an_interactive_request_takes_the_lane_of_a_background_one_which_goes_on_later() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let mut long = Ask::random(&mut random);
    (long.request.max_tokens, long.request.schema, long.request.priority) = (20, None, Priority::Background);
    let mut short = Ask::random(&mut random);
    (short.request.max_tokens, short.request.schema, short.request.priority) = (2, None, Priority::Interactive);
    let expected = references(&[long.clone(), short.clone()]);
    let mut scheduler = scheduler(1, 64);
    let first = long.submit(&mut scheduler);
    (0..6).for_each(|_| scheduler.step());
    let second = short.submit(&mut scheduler);
    let served = (0..5).find_map(|_| {
        scheduler.step();
        second.result()
    });
    assert_eq!(served.unwrap().unwrap().text, expected[1].0);
    assert!(first.result().is_none() && scheduler.counters.preemptions.load(Relaxed) == 1);
    while !scheduler.is_idle() {
        scheduler.step();
    }
    assert_eq!(first.said(), expected[0]);
}

#[test]
fn a_cancelled_sequence_leaves_at_the_next_step_and_gives_its_pages_back() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut ask = Ask::random(&mut random);
    (ask.request.max_tokens, ask.request.schema) = (100, None);
    let mut scheduler = scheduler(1, 64);
    let (running, waiting) = (ask.submit(&mut scheduler), ask.submit(&mut scheduler));
    (0..3).for_each(|_| scheduler.step());
    running.cancel.cancel();
    waiting.cancel.cancel();
    scheduler.step();
    assert!(matches!(running.result(), Some(Err(Error::Cancelled))) && matches!(waiting.result(), Some(Err(Error::Cancelled))));
    assert!(scheduler.is_idle());
    assert_eq!(scheduler.prefixes.held(), 0);
}
