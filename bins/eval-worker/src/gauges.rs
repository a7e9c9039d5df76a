//! The engine's work as metrics, whose rates are for whoever reads them, and as a few numbers for the view of the fleet.

use std::sync::Weak;
use std::time::Duration;

use viva_core::{Clock as _, SystemClock, gauges};
use viva_llm::Engine;

const PERIOD: Duration = Duration::from_secs(2);

/// Tells what the engine does for as long as somebody else holds it.
pub(crate) async fn tell(engine: Weak<dyn Engine>) {
    let mut period = tokio::time::interval(PERIOD);
    let (mut tokens, mut looked) = (0, SystemClock.monotonic());
    loop {
        period.tick().await;
        let Some(now) = engine.upgrade().and_then(|engine| engine.metrics()) else { return };
        metrics::counter!("viva_llm_steps_total").absolute(now.steps);
        metrics::counter!("viva_llm_prompt_tokens_total").absolute(now.prompt_tokens);
        metrics::counter!("viva_llm_prefix_tokens_total").absolute(now.prefix_tokens);
        metrics::counter!("viva_llm_answer_tokens_total").absolute(now.answer_tokens);
        metrics::counter!("viva_llm_forced_tokens_total").absolute(now.forced_tokens);
        metrics::counter!("viva_llm_preemptions_total").absolute(now.preemptions);
        metrics::counter!("viva_llm_admitted_total").absolute(now.admitted);
        metrics::counter!("viva_llm_step_microseconds_total").absolute(now.step_ns / 1000);
        metrics::counter!("viva_llm_grammar_microseconds_total").absolute((now.mask_ns + now.commit_ns) / 1000);
        metrics::counter!("viva_llm_queue_microseconds_total").absolute(now.queue_ns / 1000);
        metrics::gauge!("viva_llm_lanes").set(now.running as f64);
        metrics::gauge!("viva_llm_waiting").set(now.waiting as f64);
        metrics::gauge!("viva_llm_kv_tokens").set(now.kv_tokens as f64);
        let (all, at) = (now.prompt_tokens + now.answer_tokens, SystemClock.monotonic());
        let rate = (all.saturating_sub(tokens)) as f64 / at.since(looked).as_secs_f64().max(f64::EPSILON);
        (tokens, looked) = (all, at);
        gauges::set("eval-worker", "viva_llm_lanes", now.running as f64);
        gauges::set("eval-worker", "viva_llm_waiting", now.waiting as f64);
        gauges::set("eval-worker", "viva_llm_kv_tokens", now.kv_tokens as f64);
        gauges::set("eval-worker", "viva_llm_tokens_per_s", rate.round());
    }
}
