use std::sync::Arc;

use serde_json::{Value, json};

use super::{Arguments, Reply, ok};
use crate::message::{TimeLimit, repr};
use crate::node::{CancelReason, Order, Rate, Shared, many};

/// Does what changes something. Nothing where it is none of these commands.
pub(super) fn act(shared: &Arc<Shared>, method: &str, arguments: &Arguments<'_>) -> Option<Reply> {
    Some(match method {
        "revoke" => revoke(shared, arguments, method, arguments.flag("terminate")),
        "terminate" => revoke(shared, arguments, method, true),
        "revoke_by_stamped_headers" => revoke_by_stamps(shared, arguments),
        "rate_limit" => rate_limit(shared, arguments),
        "time_limit" => time_limit(shared, arguments),
        "enable_events" if shared.events.enable(true) => ok("task events already enabled"),
        "enable_events" => ok("task events enabled"),
        "disable_events" if shared.events.enable(false) => ok("task events disabled"),
        "disable_events" => ok("task events already disabled"),
        "pool_grow" => resize(shared, arguments, 1),
        "pool_shrink" => resize(shared, arguments, -1),
        "add_consumer" => add_consumer(shared, arguments),
        "cancel_consumer" => cancel_consumer(shared, arguments),
        "autoscale" => Err("ValueError('Autoscale not enabled')".to_owned()),
        "pool_restart" => Err("ValueError('Pool restarts not enabled')".to_owned()),
        "election" => Ok(Value::Null),
        _ => return None,
    })
}

fn revoke(shared: &Arc<Shared>, arguments: &Arguments<'_>, method: &str, terminate: bool) -> Reply {
    arguments.need_any(method, "task_id")?;
    let (ids, signum) = (arguments.texts("task_id"), signum(arguments.get("signal"))?);
    let mut terminated = Vec::new();
    {
        let mut desk = shared.desk();
        for id in &ids {
            desk.revoked.add(id);
        }
        for request in desk.requests.values().filter(|request| terminate && ids.contains(&request.task.id)) {
            terminated.push(request.task.id.clone());
            if request.stage.is_out() {
                request.cancel.cancel(CancelReason::Revoked { signum });
            }
        }
    }
    tracing::info!(?ids, terminate, "revoked by remote control");
    mark_revoked(shared, ids.clone());
    match (terminate, terminated.is_empty()) {
        (true, true) => ok("terminate: tasks unknown"),
        (true, false) => ok(format!("terminate: {}", terminated.join(", "))),
        (false, _) if ids.is_empty() => ok("tasks set() flagged as revoked"),
        (false, _) => {
            let ids: Vec<String> = ids.iter().map(|id| repr(&id.as_str().into())).collect();
            ok(format!("tasks {{{}}} flagged as revoked", ids.join(", ")))
        }
    }
}

/// Whoever waits for one of them learns it now, and not when its turn would have come.
fn mark_revoked(shared: &Arc<Shared>, ids: Vec<String>) {
    let here: Vec<String> = {
        let desk = shared.desk();
        let active = desk.requests.values().filter(|request| request.stage.is_out());
        active.map(|request| request.task.id.clone()).collect()
    };
    let owned = shared.clone();
    let mark = async move {
        for id in ids.iter().filter(|id| !here.contains(id)) {
            if let Err(error) = owned.replies.results().revoke_pending(id).await {
                tracing::warn!(%error, task.id = id, "that the task is revoked could not be kept");
            }
        }
    };
    drop(shared.errands.spawn_on(mark, &shared.runtime));
}

fn revoke_by_stamps(shared: &Shared, arguments: &Arguments<'_>) -> Reply {
    let headers: serde_json::Map<String, Value> = match arguments.get("headers") {
        Value::Object(headers) => headers.clone(),
        // From the command line: key=value.
        list => many(list)
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
    };
    let signum = signum(arguments.get("signal"))?;
    let text = repr(&Value::Object(headers.clone()));
    let mut desk = shared.desk();
    for (header, values) in &headers {
        desk.revoked.add_stamps(header, values);
    }
    if !arguments.flag("terminate") {
        return ok(format!("headers {text} flagged as revoked, but not terminated"));
    }
    let stamped = desk.requests.values().filter(|request| {
        let stamps = &request.task.stamps;
        request.stage.is_out()
            && headers.iter().any(|(header, values)| {
                let mine = many(stamps.get(header).unwrap_or(&Value::Null));
                many(values).iter().any(|value| mine.contains(value))
            })
    });
    let stopped = stamped.map(|request| request.cancel.cancel(CancelReason::Revoked { signum })).count();
    ok(if stopped == 0 { format!("headers {text} were not terminated") } else { format!("headers {text} revoked") })
}

/// A signal's number: `TERM`, `SIGTERM`, `15` or nothing.
fn signum(signal: &Value) -> Result<i32, String> {
    let by_name = |name: &str| {
        let name = name.to_ascii_uppercase();
        let name = if name.starts_with("SIG") { name } else { format!("SIG{name}") };
        name.parse::<nix::sys::signal::Signal>().ok().map(|signal| signal as i32)
    };
    let read = match signal {
        Value::Null => Some(15),
        Value::Number(number) => number.as_i64().and_then(|number| i32::try_from(number).ok()),
        Value::String(text) => text.parse().ok().or_else(|| by_name(text)),
        _ => None,
    };
    read.ok_or_else(|| format!("ValueError({})", repr(signal)))
}

fn rate_limit(shared: &Shared, arguments: &Arguments<'_>) -> Reply {
    let task = arguments.need("rate_limit", "task_name")?;
    let text = match arguments.get("rate_limit") {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    };
    let rate = match Rate::parse(&text) {
        Ok(rate) => rate,
        Err(reason) => return Ok(json!({ "error": format!("Invalid rate limit string: {reason}") })),
    };
    if !shared.knows(task) {
        return Ok(json!({ "error": "unknown task" }));
    }
    let mut desk = shared.desk();
    let limited = rate.is_some();
    match rate {
        Some(rate) => desk.rates.insert(task.to_owned(), rate),
        None => desk.rates.remove(task),
    };
    drop(desk);
    shared.rates_changed.notify_waiters();
    ok(if limited { "new rate limit set successfully" } else { "rate limit disabled successfully" })
}

fn time_limit(shared: &Shared, arguments: &Arguments<'_>) -> Reply {
    let task = arguments.need("time_limit", "task_name")?;
    if !shared.knows(task) {
        return Ok(json!({ "error": "unknown task" }));
    }
    let seconds = |name| arguments.get(name).as_f64().filter(|s| (0.0..=31_536_000.0).contains(s));
    let limit = TimeLimit { hard_s: seconds("hard"), soft_s: seconds("soft") };
    shared.desk().time_limits.insert(task.to_owned(), limit);
    ok("time limits set successfully")
}

fn resize(shared: &Shared, arguments: &Arguments<'_>, sign: i64) -> Reply {
    let by = match arguments.get("n") {
        Value::Null => 1,
        n => n.as_i64().ok_or_else(|| format!("TypeError(\"n must be a number, not {}\")", repr(n)))?,
    };
    let by = by.clamp(0, 1024) * sign;
    {
        let mut desk = shared.desk();
        let idle = desk.places.saturating_sub(desk.busy) as i64;
        if idle + by < 0 {
            return Err("ValueError(\"Can't shrink pool. All processes busy!\")".to_owned());
        }
        desk.places = (desk.places as i64 + by).clamp(0, 65_535) as usize;
    }
    order(shared, Order::Resize);
    shared.ready.notify_one();
    ok(if sign > 0 { "pool will grow" } else { "pool will shrink" })
}

fn add_consumer(shared: &Shared, arguments: &Arguments<'_>) -> Reply {
    let queue = arguments.need("add_consumer", "queue")?;
    let mut desk = shared.desk();
    if !desk.queues.iter().any(|known| known == queue) {
        desk.queues.push(queue.to_owned());
    }
    drop(desk);
    order(shared, Order::Consume(queue.to_owned()));
    ok(format!("add consumer {queue}"))
}

fn cancel_consumer(shared: &Shared, arguments: &Arguments<'_>) -> Reply {
    let queue = arguments.need("cancel_consumer", "queue")?;
    shared.desk().queues.retain(|known| known != queue);
    order(shared, Order::Cancel(queue.to_owned()));
    ok(format!("no longer consuming from {queue}"))
}

/// While there is no session the next one reads the state that was changed before this.
fn order(shared: &Shared, order: Order) {
    if shared.orders.send(order).is_err() {
        tracing::debug!("the session is over");
    }
}
