use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Arguments, Reply, ok};
use crate::broker::without_password;
use crate::clock;
use crate::message::repr;
use crate::node::{Request, Shared, Stage};
use crate::{ResultBackend, machine};

/// Answers what only looks. Nothing where it is none of these questions.
pub(super) fn inspect(shared: &Shared, method: &str, arguments: &Arguments<'_>) -> Option<Reply> {
    Some(match method {
        "ping" => ok("pong"),
        "clock" => Ok(json!({ "clock": shared.lamport.value() })),
        "hello" => Ok(hello(shared, arguments)),
        "active" | "dump_active" => Ok(requests(shared, Stage::Active, arguments.flag("safe"))),
        "reserved" | "dump_reserved" => Ok(requests(shared, Stage::Reserved, false)),
        "scheduled" | "dump_schedule" => Ok(scheduled(shared)),
        "revoked" | "dump_revoked" => Ok(json!(shared.desk().revoked.ids())),
        "registered" | "dump_tasks" => Ok(registered(shared, arguments)),
        "active_queues" => Ok(shared.desk().queues.iter().map(|queue| active_queue(shared, queue)).collect()),
        "query_task" => Ok(query_task(shared, &arguments.texts("ids"))),
        "stats" => Ok(stats(shared)),
        "conf" | "dump_conf" => Ok(Value::Object(conf(shared))),
        "report" => ok(report(shared)),
        "memsample" => Ok(Value::Null),
        _ => return None,
    })
}

/// What a worker that starts wants to know of the others.
fn hello(shared: &Shared, arguments: &Arguments<'_>) -> Value {
    let from = arguments.text("from_node").unwrap_or_default();
    if from == shared.settings.node_name {
        return Value::Null;
    }
    let mut desk = shared.desk();
    desk.revoked.add_all(arguments.get("revoked"));
    json!({ "revoked": desk.revoked.ids(), "clock": shared.lamport.forward() })
}

fn requests(shared: &Shared, stage: Stage, safe: bool) -> Value {
    let desk = shared.desk();
    // What its owner has not begun is reserved, for all that others see.
    let seen = |request: &&Request| request.stage == stage || (stage == Stage::Reserved && request.stage == Stage::Handed);
    desk.requests.values().filter(seen).map(|request| info(shared, request, safe)).collect()
}

fn scheduled(shared: &Shared) -> Value {
    let desk = shared.desk();
    let held = desk.requests.values().filter(|request| request.stage == Stage::Scheduled);
    held.map(|request| json!({ "eta": request.eta.map(clock::iso), "priority": 6, "request": info(shared, request, false) })).collect()
}

fn query_task(shared: &Shared, ids: &[String]) -> Value {
    let desk = shared.desk();
    let found = desk.requests.values().filter(|request| ids.contains(&request.task.id));
    let told = found.map(|request| {
        let stage = match request.stage {
            Stage::Active => "active",
            Stage::Reserved | Stage::Handed => "reserved",
            Stage::Scheduled => "scheduled",
        };
        (request.task.id.clone(), json!([stage, info(shared, request, false)]))
    });
    Value::Object(told.collect())
}

/// A request as Python's workers show it.
fn info(shared: &Shared, request: &Request, safe: bool) -> Value {
    let (task, original) = (&request.task, &request.original);
    let (args, kwargs) = if safe {
        (task.args_text().into(), task.kwargs_text().into())
    } else {
        (Value::Array(task.args.clone()), Value::Object(task.kwargs.clone()))
    };
    let active = request.stage == Stage::Active;
    json!({
        "id": task.id, "name": task.name, "args": args, "kwargs": kwargs, "type": task.name,
        "hostname": shared.settings.node_name, "time_start": request.started_s, "acknowledged": false,
        "delivery_info": {
            "exchange": original.exchange, "routing_key": original.routing_key, "priority": task.priority, "redelivered": original.redelivered,
        },
        "worker_pid": active.then(std::process::id),
    })
}

fn registered(shared: &Shared, arguments: &Arguments<'_>) -> Value {
    let items = arguments.texts("taskinfoitems");
    let with_rate = items.is_empty() || items.iter().any(|item| item == "rate_limit");
    let mut names: Vec<&String> = shared.settings.tasks.iter().collect();
    names.sort();
    let desk = shared.desk();
    let line = |name: &String| match desk.rates.get(name).filter(|_| with_rate) {
        Some(rate) => format!("{name} [rate_limit={}]", rate.text()),
        None => name.clone(),
    };
    names.into_iter().map(line).collect()
}

fn active_queue(shared: &Shared, name: &str) -> Value {
    let arguments = match shared.settings.queue_type {
        crate::QueueType::Classic => Value::Null,
        crate::QueueType::Quorum => json!({ "x-queue-type": "quorum" }),
    };
    json!({
        "name": name,
        "exchange": {
            "name": name, "type": "direct", "arguments": null, "durable": true, "passive": false, "auto_delete": false,
            "delivery_mode": null, "no_declare": false,
        },
        "routing_key": name, "queue_arguments": arguments, "binding_arguments": null, "consumer_arguments": null, "durable": true,
        "exclusive": false, "auto_delete": false, "no_ack": false, "alias": null, "bindings": [], "no_declare": null, "expires": null,
        "message_ttl": null, "max_length": null, "max_length_bytes": null, "max_priority": null,
    })
}

fn stats(shared: &Shared) -> Value {
    let (total, places): (BTreeMap<String, u64>, usize) = {
        let desk = shared.desk();
        (desk.totals.clone(), desk.places)
    };
    let processed: u64 = total.values().sum();
    json!({
        "total": total, "pid": std::process::id(), "clock": shared.lamport.value().to_string(), "uptime": shared.started.elapsed().as_secs(),
        "pool": {
            "implementation": "viva_celery:Node", "max-concurrency": places, "processes": vec![std::process::id(); places],
            "max-tasks-per-child": "N/A", "put-guarded-by-semaphore": true, "timeouts": [0, 0],
            "writes": {
                "total": processed, "avg": "1.00", "all": "1.00", "raw": processed.to_string(), "strategy": "fair",
                "inqueues": { "total": places, "active": 0 },
            },
        },
        "broker": broker(shared), "prefetch_count": shared.settings.prefetch_for(places), "rusage": machine::resource_usage(),
    })
}

fn broker(shared: &Shared) -> Value {
    let address = shared.brokers.current();
    let uri = &address.uri;
    json!({
        "hostname": address.host(), "userid": uri.authority.userinfo.username, "virtual_host": uri.vhost, "port": uri.authority.port,
        "insist": false, "ssl": address.tls.is_some(), "transport": "amqp", "connect_timeout": 4, "transport_options": {}, "login_method": "PLAIN",
        "uri_prefix": null, "heartbeat": uri.query.heartbeat.map(f64::from), "failover_strategy": "round-robin",
        "alternates": shared.brokers.others().map(ToString::to_string).collect::<Vec<_>>(), "credential_provider": null,
    })
}

fn conf(shared: &Shared) -> Map<String, Value> {
    let settings = &shared.settings;
    let urls: Vec<String> = settings.broker_url.split(';').map(without_password).collect();
    let backend = match &settings.result_backend {
        ResultBackend::None => Value::Null,
        ResultBackend::Rpc { .. } => "rpc://".into(),
        ResultBackend::Redis(url) => without_password(url).into(),
    };
    let conf = json!({
        "broker_url": urls.join(";"), "result_backend": backend, "result_extended": settings.result_extended,
        "result_expires": settings.result_expires.as_secs(), "task_track_started": settings.track_started,
        "task_default_queue": settings.default_queue, "worker_send_task_events": shared.events.enabled(),
        "worker_prefetch_multiplier": 4, "task_acks_late": true,
        "enable_utc": true,
    });
    match conf {
        Value::Object(conf) => conf,
        _ => Map::new(),
    }
}

fn report(shared: &Shared) -> String {
    let software = &shared.settings.software;
    let settings: Vec<String> = conf(shared).iter().map(|(name, value)| format!("{name}: {}", repr(value))).collect();
    let settings = settings.join("\n");
    let results = match &shared.settings.result_backend {
        ResultBackend::None => "disabled:///".to_owned(),
        ResultBackend::Rpc { .. } => "rpc://".to_owned(),
        ResultBackend::Redis(url) => without_password(url),
    };
    format!(
        "\nsoftware -> {}:{} (viva-celery {})\nplatform -> system:{} arch:{}\nloader   -> none\nsettings -> transport:amqp results:{results}\n\n{settings}\n",
        software.ident,
        software.version,
        env!("CARGO_PKG_VERSION"),
        machine::SYSTEM,
        std::env::consts::ARCH,
    )
}
