//! Which engine answers a batch, and what it says of its work.

use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};
use viva_llm::{Cancel, Engine, Local, Metrics, Request};
use viva_llm_remote::Address;
use viva_models::Home;

use crate::cli::BatchArgs;
use crate::model;

pub(super) fn open(args: &BatchArgs, home: &Home, requests: usize) -> anyhow::Result<Arc<dyn Engine>> {
    if Address::is_meant_by(&args.llm) {
        return model::open(&args.llm, home);
    }
    let mut options = model::options(&args.llm, home)?;
    options.threads = args.threads.map(Into::into);
    options.lanes = args.lanes.into();
    options.queue = requests.max(options.queue);
    (options.reuse, options.jump) = (!args.no_reuse, !args.no_jump);
    if let Some(instructions) = args.instructions {
        options.instructions = instructions.into();
    }
    Ok(Arc::new(Local::open(options).with_context(|| format!("the language model {:?} cannot be used", args.llm))?))
}

/// Loading is not what is measured: the weights of a local model come with a first word. Says what it has done by then.
pub(super) fn warm_up(engine: &dyn Engine, requests: &[(Option<Value>, Request)]) -> anyhow::Result<Option<Metrics>> {
    if engine.metrics().is_some() {
        let schema = requests.iter().find_map(|(_, request)| request.schema.clone());
        let first = Request { raw: Some("Hi".to_owned()), schema, max_tokens: 1, ..Request::default() };
        engine.complete(&first, &Cancel::default(), &mut |_| {})?;
    }
    Ok(engine.metrics())
}

/// What the engine says of its work since `before`.
pub(super) fn measured(engine: &dyn Engine, before: Option<Metrics>) -> Value {
    let class = &engine.info().numeric_class;
    let (Some(now), Some(before)) = (engine.metrics(), before) else { return json!({ "class": class }) };
    let seconds = |since: u64, now: u64| (now - since) as f64 / 1e9;
    let step_s = seconds(before.step_ns, now.step_ns);
    json!({
        "class": class, "steps": now.steps - before.steps, "chosen": now.chosen_tokens - before.chosen_tokens,
        "preemptions": now.preemptions - before.preemptions, "prompt_rows": now.prompt_tokens - before.prompt_tokens,
        "answer_rows": now.answer_tokens - before.answer_tokens, "step_s": step_s,
        "mask_share": seconds(before.mask_ns, now.mask_ns) / step_s, "commit_share": seconds(before.commit_ns, now.commit_ns) / step_s,
        "queue_s": seconds(before.queue_ns, now.queue_ns), "peak_mib": peak_mib(),
    })
}

/// The most memory that this process has had, where the system says.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? / 1024)
}
