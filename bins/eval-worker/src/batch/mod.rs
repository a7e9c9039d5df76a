//! `eval-worker batch`: a file of requests through the engine, all at once.
//!
//! A line is a request of OpenAI's batch files (`{"custom_id", "body": {"messages", ...}}`) or a raw one (`{"prompt",
//! "json_schema", "max_tokens"}`). Results are written as they land, each with its line's number; a request that fails is a
//! result with an error.

mod engines;

use std::io::{BufRead as _, BufWriter, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use anyhow::Context as _;
use serde_json::{Value, json};
use viva_core::{Clock as _, SystemClock};
use viva_llm::{Cancel, Completion, Message, Part, Priority, Request, Role, Sampling};
use viva_models::Home;

use crate::cli::BatchArgs;

/// New tokens where a request sets no bound.
const MAX_TOKENS: usize = 512;

pub(crate) async fn run(args: BatchArgs) -> anyhow::Result<()> {
    tokio::task::spawn_blocking(move || work(&args)).await?
}

/// What the requests of a file come to.
#[derive(Debug, Default)]
struct Totals {
    failed: usize,
    prompt: usize,
    cached: usize,
    forced: usize,
    new: usize,
    /// When the first answer was complete, in seconds.
    first: Option<f64>,
}

fn work(args: &BatchArgs) -> anyhow::Result<()> {
    let requests = read(args)?;
    let home = args.viva_models.clone().map_or_else(Home::from_env, |dir| Ok(Home::new(dir))).context("there is no folder for models")?;
    let engine = engines::open(args, &home, requests.len())?;
    let before = engines::warm_up(engine.as_ref(), &requests)?;
    let out = std::fs::File::create(&args.out).with_context(|| format!("cannot write {}", args.out.display()))?;
    let shared = Mutex::new((BufWriter::new(out), Totals::default()));
    let (next, begin) = (AtomicUsize::new(0), SystemClock.monotonic());
    let callers = requests.len().min(2 * usize::from(args.lanes));
    std::thread::scope(|scope| {
        let serve = || -> anyhow::Result<()> {
            loop {
                let index = next.fetch_add(1, Relaxed);
                let Some((id, request)) = requests.get(index) else { return Ok(()) };
                let (started, mut first) = (SystemClock.monotonic(), None);
                let ms = || SystemClock.monotonic().since(started).as_secs_f64() * 1e3;
                let result = engine.complete(request, &Cancel::default(), &mut |_| first = first.or_else(|| Some(ms())));
                let line = line(index, id.as_ref(), &result, [first.unwrap_or_default(), ms()]);
                let (out, totals) = &mut *shared.lock().map_err(|_| anyhow::anyhow!("another request's thread panicked"))?;
                totals.add(&result, SystemClock.monotonic().since(begin).as_secs_f64());
                writeln!(out, "{line}")?;
            }
        };
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(serve)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| anyhow::anyhow!("a request's thread panicked"))?)
    })?;
    let wall = SystemClock.monotonic().since(begin).as_secs_f64();
    let (mut out, totals) = shared.into_inner().map_err(|_| anyhow::anyhow!("a request's thread panicked"))?;
    out.flush()?;
    let measured = engines::measured(engine.as_ref(), before);
    totals.print(requests.len(), wall, &measured, args.json);
    Ok(())
}

impl Totals {
    fn add(&mut self, result: &Result<Completion, viva_llm::Error>, since_begin: f64) {
        match result {
            Ok(done) => {
                self.prompt += done.tokens_in;
                self.cached += done.tokens_cached;
                self.forced += done.tokens_forced;
                self.new += done.tokens_out;
                self.first.get_or_insert(since_begin);
            }
            Err(_) => self.failed += 1,
        }
    }

    fn print(&self, requests: usize, wall_s: f64, measured: &Value, as_json: bool) {
        let Self { failed, prompt, cached, forced, new, first } = self;
        let per_thousand = wall_s / (*new).max(1) as f64 * 1e3;
        let first = first.unwrap_or(wall_s);
        if as_json {
            let mut summary = json!({
                "requests": requests, "failed": failed, "wall_s": wall_s, "s_per_1000_new": per_thousand, "first_complete_s": first,
                "prompt": prompt, "cached": cached, "forced": forced, "new": new,
            });
            if let (Some(summary), Some(measured)) = (summary.as_object_mut(), measured.as_object()) {
                summary.extend(measured.clone());
            }
            println!("{summary}");
        } else {
            println!("{requests} requests ({failed} failed) in {wall_s:.2} s; the first answer was complete after {first:.2} s");
            println!("{prompt} prompt tokens ({cached} computed once for several), {new} new ones ({forced} decided by the schema)");
            println!("{per_thousand:.2} s per 1,000 new tokens");
        }
    }
}

fn line(index: usize, id: Option<&Value>, result: &Result<Completion, viva_llm::Error>, [first_token_ms, total_ms]: [f64; 2]) -> Value {
    let mut line = json!({ "index": index });
    if let Some(id) = id {
        line["custom_id"] = id.clone();
    }
    match result {
        Err(error) => line["error"] = json!(error.to_string()),
        Ok(done) => {
            line["text"] = json!(done.text);
            line["finish"] = json!(done.finish);
            line["tokens"] = json!({
                "prompt": done.tokens_in, "cached": done.tokens_cached, "forced": done.tokens_forced, "new": done.tokens_out,
            });
            line["first_token_ms"] = json!(first_token_ms);
            line["total_ms"] = json!(total_ms);
        }
    }
    line
}

/// The requests of the file, with their ids where they have any.
fn read(args: &BatchArgs) -> anyhow::Result<Vec<(Option<Value>, Request)>> {
    let file = std::fs::File::open(&args.input).with_context(|| format!("cannot read {}", args.input.display()))?;
    let lines = std::io::BufReader::new(file).lines().enumerate();
    let read = |(number, line): (usize, std::io::Result<String>)| -> Option<anyhow::Result<(Option<Value>, Request)>> {
        let place = || format!("{}, line {}", args.input.display(), number + 1);
        let parse = |line: String| -> anyhow::Result<(Option<Value>, Request)> {
            let value: Value = serde_json::from_str(&line)?;
            Ok((value.get("custom_id").cloned(), request(&value)?))
        };
        match line {
            Ok(line) if line.trim().is_empty() => None,
            Ok(line) => Some(parse(line).with_context(place)),
            Err(error) => Some(Err(error).with_context(place)),
        }
    };
    lines.filter_map(read).collect()
}

fn request(line: &Value) -> anyhow::Result<Request> {
    let body = line.get("body").unwrap_or(line);
    let number = |names: &[&str]| names.iter().find_map(|name| body.get(*name)?.as_u64());
    let float = |name: &str, default: f32| body.get(name).and_then(Value::as_f64).map_or(default, |value| value as f32);
    let format = body.get("response_format").and_then(|format| format.get("json_schema")?.get("schema"));
    let schema = body.get("json_schema").or(format).cloned();
    let raw = body.get("prompt").and_then(Value::as_str).map(str::to_owned);
    let messages = match (body.get("messages").and_then(Value::as_array), &raw) {
        (Some(messages), None) => messages.iter().map(message).collect::<anyhow::Result<_>>()?,
        (None, Some(_)) => Vec::new(),
        _ => anyhow::bail!("a request has either messages or a prompt"),
    };
    let sampling = Sampling { temperature: float("temperature", 0.0), top_p: float("top_p", 1.0), seed: number(&["seed"]).unwrap_or(0) };
    let max_tokens = number(&["max_completion_tokens", "max_tokens"]).map_or(MAX_TOKENS, |tokens| tokens as usize);
    Ok(Request { messages, raw, schema, sampling, max_tokens, priority: Priority::Background, deadline_ms: number(&["deadline_ms"]) })
}

/// Texts of a request file are somebody's data, whoever speaks.
fn message(message: &Value) -> anyhow::Result<Message> {
    let role = match message.get("role").and_then(Value::as_str) {
        Some("system" | "developer") => Role::System,
        Some("assistant") => Role::Assistant,
        Some("user") => Role::User,
        other => anyhow::bail!("a message's role is {other:?}; system, user and assistant are known"),
    };
    let content = message.get("content").and_then(Value::as_str).context("a message's content is not a text")?;
    Ok(Message { role, parts: vec![Part::Data(content.to_owned())] })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_request_are_understood() {
        let raw = request(&json!({ "prompt": "Say hi", "json_schema": { "type": "object" }, "max_tokens": 7 })).unwrap();
        assert_eq!((raw.raw.as_deref(), raw.schema, raw.max_tokens), (Some("Say hi"), Some(json!({ "type": "object" })), 7));
        let chat = json!({ "custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {
            "messages": [{ "role": "system", "content": "Be brief." }, { "role": "user", "content": "<|im_end|>" }],
            "temperature": 0.5, "seed": 3, "max_completion_tokens": 9,
            "response_format": { "type": "json_schema", "json_schema": { "name": "x", "schema": { "type": "object" } } },
        } });
        let chat = request(&chat).unwrap();
        assert_eq!((chat.messages.len(), chat.max_tokens, chat.sampling.seed), (2, 9, 3));
        assert_eq!(chat.messages[1].parts, [Part::Data("<|im_end|>".to_owned())]);
        assert!(chat.schema.is_some() && chat.raw.is_none());
        assert!(
            request(&json!({ "max_tokens": 1 })).is_err() && request(&json!({ "messages": [{ "role": "tool", "content": "" }] })).is_err()
        );
    }
}
