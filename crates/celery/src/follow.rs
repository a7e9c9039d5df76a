//! What follows a task: its links, its errbacks, the next one of its chain. Pure: signatures in, calls out.
//!
//! Ids that the producer did not choose are derived from the task's, so that a task that is answered twice asks for the
//! same tasks twice, and not for twice as many.

use std::time::Duration;

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::message::{TimeLimit, parse_when};
use crate::{Call, Envelope, Error, Signature, clock};

/// The calls that a result leads to.
pub(crate) fn after_success(envelope: &Envelope, result: &Value) -> Result<Vec<Call>, Error> {
    let follow = Follow { envelope, first: result };
    let mut calls = Vec::new();
    for (at, callback) in envelope.embed.callbacks.iter().enumerate() {
        calls.extend(follow.calls(callback, Vec::new(), &format!("link {at}"))?);
    }
    let mut chain = envelope.embed.chain.clone();
    if let Some(next) = chain.pop() {
        calls.extend(follow.calls(&next, chain, "chain")?);
    }
    Ok(calls)
}

/// The calls that a failure leads to: errbacks get the id of the task that failed.
pub(crate) fn after_failure(envelope: &Envelope) -> Result<Vec<Call>, Error> {
    let follow = Follow { envelope, first: &envelope.id.as_str().into() };
    let mut calls = Vec::new();
    for (at, errback) in envelope.embed.errbacks.iter().enumerate() {
        calls.extend(follow.calls(errback, Vec::new(), &format!("errback {at}"))?);
    }
    Ok(calls)
}

/// The tasks of the chain that will never run, to be told so: somebody waits for the last of them.
pub(crate) fn never_run(envelope: &Envelope) -> Vec<Envelope> {
    let one = |signature: &Signature| {
        let text = |name| signature.option(name).map(str::to_owned);
        let reply_to = text("reply_to").or_else(|| envelope.reply_to.clone());
        Some(Envelope { id: text("task_id")?, task: signature.task.clone(), reply_to, group: text("group_id"), ..Envelope::default() })
    };
    envelope.embed.chain.iter().filter_map(one).collect()
}

struct Follow<'f> {
    envelope: &'f Envelope,
    first: &'f Value,
}

impl Follow<'_> {
    /// The calls of a signature, with `chain` after it. `place` tells apart what has no id of its own.
    fn calls(&self, signature: &Signature, mut chain: Vec<Signature>, place: &str) -> Result<Vec<Call>, Error> {
        match signature.subtask_type.as_deref() {
            Some("chord") => Err(Error::Unsupported("chords are not supported by this worker".to_owned())),
            Some("group") if !chain.is_empty() => {
                Err(Error::Unsupported("a group inside a chain is a chord, and chords are not supported by this worker".to_owned()))
            }
            Some("group") => self.group(signature, place),
            Some("chain") => {
                let mut members = signature.members();
                if members.is_empty() {
                    return Ok(Vec::new());
                }
                let first = members.remove(0);
                chain.extend(members.into_iter().rev());
                self.calls(&first, chain, place)
            }
            _ => Ok(vec![self.call(signature, chain, place)?]),
        }
    }

    fn group(&self, signature: &Signature, place: &str) -> Result<Vec<Call>, Error> {
        let group = signature.option("task_id").map_or_else(|| self.derived(place), str::to_owned);
        let mut calls = Vec::new();
        for (at, member) in signature.members().iter().enumerate() {
            for mut call in self.calls(member, Vec::new(), &format!("{place}/{at}"))? {
                call.group = Some(group.clone());
                call.group_index = Some(at as i64);
                calls.push(call);
            }
        }
        Ok(calls)
    }

    fn call(&self, signature: &Signature, chain: Vec<Signature>, place: &str) -> Result<Call, Error> {
        let options = &signature.options;
        if options.get("chord").is_some_and(|chord| !chord.is_null()) {
            return Err(Error::Unsupported("chords are not supported by this worker".to_owned()));
        }
        let text = |name| signature.option(name).map(str::to_owned);
        let seconds = |name| options.get(name).and_then(Value::as_f64).filter(|s| (0.0..=31_536_000.0).contains(s));
        let later = |name| seconds(name).and_then(|s| clock::wall().checked_add_signed(chrono::TimeDelta::milliseconds((s * 1e3) as i64)));
        let time = |name| signature.option(name).and_then(parse_when);
        Ok(Call {
            name: signature.task.clone(),
            args: signature.call_args(self.first),
            kwargs: signature.kwargs.clone(),
            id: Some(text("task_id").unwrap_or_else(|| self.derived(place))),
            queue: text("queue").or_else(|| text("routing_key")),
            countdown: seconds("countdown").map(Duration::from_secs_f64),
            eta: time("eta"),
            expires: time("expires").or_else(|| later("expires")),
            retries: 0,
            priority: options.get("priority").and_then(Value::as_u64).and_then(|p| u8::try_from(p).ok()).unwrap_or_default(),
            time_limit: TimeLimit { hard_s: seconds("time_limit"), soft_s: seconds("soft_time_limit") },
            link: linked(options, "link"),
            link_error: linked(options, "link_error"),
            chain,
            reply_to: text("reply_to"),
            headers: options.get("headers").and_then(Value::as_object).cloned().unwrap_or_default(),
            ignore_result: options.get("ignore_result").and_then(Value::as_bool).unwrap_or_default(),
            root_id: Some(self.envelope.root_id.clone().unwrap_or_else(|| self.envelope.id.clone())),
            parent_id: Some(self.envelope.id.clone()),
            group: text("group_id"),
            group_index: options.get("group_index").and_then(Value::as_i64),
        })
    }

    fn derived(&self, place: &str) -> String {
        Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}/{}/{place}", self.envelope.id, self.envelope.retries).as_bytes()).to_string()
    }
}

fn linked(options: &Map<String, Value>, name: &str) -> Vec<Signature> {
    let read = |value: &Value| serde_json::from_value(value.clone()).ok();
    match options.get(name) {
        Some(Value::Array(items)) => items.iter().filter_map(read).collect(),
        Some(one) => read(one).into_iter().collect(),
        None => Vec::new(),
    }
}
