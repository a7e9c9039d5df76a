//! A server behind the engine's trait.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::sleep;
use viva_llm::{Cancel, Completion, Engine, Error, ModelInfo, Request};

use crate::address::Address;
use crate::body;
use crate::reply::Reply;
use crate::retry::{Failure, TRIES};
use crate::stream::Events;
use crate::warm::{Lead, Warmth};

/// How often a caller is asked whether it has given up.
const ATTENTION: Duration = Duration::from_millis(20);
/// Longest silence of a server in the middle of a request: reading a long prompt on a busy machine takes its time.
const SILENCE: Duration = Duration::from_mins(5);
/// Longest time that making a connection takes.
const CONNECT: Duration = Duration::from_secs(10);
/// Tokens of context where a server does not say.
const CONTEXT: usize = 8192;

/// A model on a server that speaks OpenAI's chat completions.
#[derive(Debug)]
pub struct Remote {
    info: ModelInfo,
    address: Address,
    client: Client,
    /// Requests that may run.
    slots: Semaphore,
    warmth: Warmth,
    /// None only while dropping: a runtime must not wait for its threads on another runtime's.
    runtime: Option<Runtime>,
}

impl Remote {
    /// Asks the server at `address` which models it has. Blocks, as all of this does: not to be called on a thread of an async
    /// runtime (its blocking threads are fine).
    pub fn connect(address: Address) -> Result<Self, Error> {
        let failed = |e: &dyn std::fmt::Display| Error::Stopped(format!("the way to the server could not be set up: {e}"));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("viva-llm-remote").enable_all().build();
        let runtime = runtime.map_err(|e| failed(&e))?;
        // One process may have chosen before; the choice is the same everywhere.
        drop(rustls::crypto::ring::default_provider().install_default());
        let client = Client::builder().connect_timeout(CONNECT).read_timeout(SILENCE).build().map_err(|e| failed(&e))?;
        let listed = runtime.block_on(list(&client, &address)).map_err(|failure| error(&address, failure))?;
        let info = describe(&address, &listed).map_err(|failure| error(&address, failure))?;
        tracing::info!(server = address.base, model = info.name, "a server answers for the language model");
        Ok(Self { info, slots: Semaphore::new(address.concurrency), address, client, warmth: Warmth::default(), runtime: Some(runtime) })
    }

    fn runtime(&self) -> Result<&Runtime, Error> {
        self.runtime.as_ref().ok_or_else(|| Error::Stopped("the way to the server is closed".to_owned()))
    }

    async fn answer(&self, request: &Request, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        let messages = body::messages(request);
        let beginning = messages[0].to_string();
        let digest = hex(&Sha256::digest(messages.to_string()));
        let body = body::body(request, messages, &self.info.name)?.to_string();
        let mut lead = self.warmth.turn(&beginning).await;
        let _slot = self.slots.acquire().await.map_err(|_| Error::Stopped("the way to the server is closed".to_owned()))?;
        for done in 1.. {
            let mut told = false;
            let mut tell = |text: &str| {
                told = true;
                on_text(text);
            };
            let outcome = self.attempt(&body, &digest, &mut lead, &mut tell).await;
            match outcome {
                Ok(completion) => return Ok(completion),
                // What has been told cannot be taken back: another try would tell it twice.
                Err(failure) if failure.transient && !told && done < TRIES => {
                    tracing::warn!(server = self.address.base, what = failure.what, "another try follows");
                    sleep(failure.wait(done)).await;
                }
                Err(failure) => return Err(error(&self.address, failure)),
            }
        }
        unreachable!("the last try returns; this is a bug")
    }

    async fn attempt(
        &self,
        body: &str,
        digest: &str,
        lead: &mut Option<Lead>,
        on_text: &mut dyn FnMut(&str),
    ) -> Result<Completion, Failure> {
        let url = format!("{}/chat/completions", self.address.base);
        let mut response =
            ask(&self.address, self.client.post(url).header("content-type", "application/json").body(body.to_owned())).await?;
        let (mut events, mut reply) = (Events::default(), Reply::default());
        while let Some(piece) = response.chunk().await? {
            for data in events.feed(&piece).map_err(|_| Failure::permanent("sends an event without an end"))? {
                let mut spoke = false;
                reply.take(&data, &mut |text| {
                    spoke = true;
                    on_text(text);
                })?;
                if let Some(lead) = lead.take_if(|_| spoke) {
                    lead.warm();
                }
            }
            if reply.is_done() {
                break;
            }
        }
        reply.finish(digest)
    }
}

impl Engine for Remote {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn complete(&self, request: &Request, cancel: &Cancel, on_text: &mut dyn FnMut(&str)) -> Result<Completion, Error> {
        let cancelled = async {
            while !cancel.is_cancelled() {
                sleep(ATTENTION).await;
            }
        };
        let late = async {
            match request.deadline_ms {
                Some(ms) => sleep(Duration::from_millis(ms)).await,
                None => std::future::pending().await,
            }
        };
        // Whoever is dropped here closes the connection, by which the server knows.
        self.runtime()?.block_on(async {
            tokio::select! {
                biased;
                () = cancelled => Err(Error::Cancelled),
                () = late => Err(Error::Deadline { ms: request.deadline_ms.unwrap_or(0) }),
                answer = self.answer(request, on_text) => answer,
            }
        })
    }

    /// Not a part of OpenAI's interface; llama.cpp and vLLM have it beside that.
    fn count_tokens(&self, text: &str) -> Result<usize, Error> {
        let base = self.address.base.rsplit_once('/').map_or(self.address.base.as_str(), |(base, _)| base);
        let body = json!({ "model": self.info.name, "content": text, "prompt": text, "add_special": false, "add_special_tokens": false });
        let request = self.client.post(format!("{base}/tokenize")).header("content-type", "application/json").body(body.to_string());
        let counted = self.runtime()?.block_on(async {
            let answer: Value = read(ask(&self.address, request).await?).await?;
            answer["tokens"].as_array().map(Vec::len).ok_or_else(|| Failure::permanent("does not count tokens"))
        });
        counted.map_err(|failure| error(&self.address, failure))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Sends a request; anything but success is a failure.
async fn ask(address: &Address, request: RequestBuilder) -> Result<reqwest::Response, Failure> {
    let request = match &address.key {
        Some(key) => request.bearer_auth(key),
        None => request,
    };
    let response = request.send().await?;
    if response.status().is_success() {
        return Ok(response);
    }
    let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let status = response.status().as_u16();
    let said = response.text().await.unwrap_or_default();
    Err(Failure::refused(status, &said, after.as_deref()))
}

async fn read(response: reqwest::Response) -> Result<Value, Failure> {
    let text = response.text().await?;
    serde_json::from_str(&text).map_err(|e| Failure::permanent(format!("sends what is no JSON ({e})")))
}

async fn list(client: &Client, address: &Address) -> Result<Value, Failure> {
    read(ask(address, client.get(format!("{}/models", address.base))).await?).await
}

fn describe(address: &Address, listed: &Value) -> Result<ModelInfo, Failure> {
    let models = listed["data"].as_array().ok_or_else(|| Failure::permanent("does not list its models"))?;
    let id = |model: &Value| model["id"].as_str().map(str::to_owned);
    let model = match &address.model {
        Some(name) => models.iter().find(|model| model["id"].as_str() == Some(name.as_str())),
        None => models.first(),
    };
    let (Some(model), Some(name)) = (model, model.and_then(id)) else {
        let known: Vec<String> = models.iter().filter_map(id).collect();
        let wanted = address.model.as_deref().unwrap_or("at all");
        return Err(Failure::permanent(format!("has no model {wanted}; it has {known:?}")));
    };
    let context = ["/max_model_len", "/meta/n_ctx", "/context_length"].iter().find_map(|path| model.pointer(path)?.as_u64());
    let text = |path: &str| model.pointer(path).and_then(Value::as_str).unwrap_or("unknown").to_owned();
    Ok(ModelInfo {
        architecture: text("/meta/architecture"),
        parameters: model.pointer("/meta/n_params").and_then(Value::as_u64).unwrap_or(0),
        quantisation: text("/meta/ftype"),
        // Nobody can see the file. Equal names on equal servers are taken for equal models.
        sha256: hex(&Sha256::digest(format!("{}\n{name}", address.base))),
        context_length: context.map_or(CONTEXT, |tokens| tokens as usize),
        template_sha256: None,
        engine: format!("viva-llm-remote {} at {}", env!("CARGO_PKG_VERSION"), address.base),
        numeric_class: "remote".to_owned(),
        name,
    })
}

fn error(address: &Address, failure: Failure) -> Error {
    Error::Remote { server: address.base.clone(), what: failure.what, transient: failure.transient }
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('?');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
