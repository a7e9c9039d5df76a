//! Models on the Hugging Face hub, or on a mirror that `HF_ENDPOINT` names.
//!
//! What the hub answers to `/{repo}/resolve/{revision}/{path}` says in its headers what the file is: the commit that the revision
//! stands for, its size, and, for a file in Git LFS (every model file), its SHA-256 as ETag; mostly it leads to another server,
//! which has the bytes and is told no token. So we know what the hub states and where exactly the bytes came from. The hub's own
//! client library brings a storage protocol of a hundred crates for the same bytes.

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Client, Response, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use super::{Fetched, Meter};
use crate::pull::Job;
use crate::{Error, File, HubPart, digest};

const HUB: &str = "https://huggingface.co";
/// Servers that one file may lead through.
const HOPS: usize = 5;
const CONNECT: Duration = Duration::from_secs(20);

pub(crate) struct Hub<'a> {
    job: &'a Job<'a>,
    repo: &'a str,
    revision: &'a str,
    parts: &'a [HubPart],
    staging: PathBuf,
}

/// What the hub says of a file.
#[derive(Default)]
struct Stated {
    commit: Option<String>,
    sha256: Option<String>,
}

impl<'a> Hub<'a> {
    pub(crate) fn new(job: &'a Job<'a>, repo: (&'a str, Option<&'a str>), parts: &'a [HubPart], staging: &Path) -> Self {
        let (repo, revision) = (repo.0, repo.1.unwrap_or("main"));
        Self { job, repo, revision, parts, staging: staging.join("hub") }
    }

    pub(crate) async fn fetch(&self, file: &File, meter: &mut Meter<'_>) -> Result<Fetched, Error> {
        let part = self.parts.iter().find(|part| part.file == file.name).expect("a parsed manifest has every file; this is a bug");
        let (stated, response) = self.resolve(&part.member).await?;
        std::fs::create_dir_all(&self.staging).map_err(self.job.io("make", &self.staging))?;
        let path = self.staging.join(&file.name);
        let (size, sha256) = self.write(response, &path, &part.member, meter).await?;
        let from = format!("hub: {}@{} {}", self.repo, stated.commit.as_deref().unwrap_or(self.revision), part.member);
        Ok(Fetched { path, size, sha256, stated_sha256: stated.sha256, from })
    }

    fn endpoint(&self) -> String {
        let named = self.job.options.hub.clone().or_else(|| std::env::var("HF_ENDPOINT").ok()).filter(|named| !named.is_empty());
        named.unwrap_or_else(|| HUB.to_owned()).trim_end_matches('/').to_owned()
    }

    fn token(&self) -> Option<String> {
        let token = self.job.options.hub_token.clone().or_else(|| std::env::var("HF_TOKEN").ok());
        token.filter(|token| !token.is_empty())
    }

    /// Follows the hub to whoever has the bytes; what it says of the file stands in the first answers.
    async fn resolve(&self, member: &str) -> Result<(Stated, Response), Error> {
        let failure = |reason: String| self.failure(member, reason);
        let endpoint = self.endpoint();
        let mut url: Url = format!("{endpoint}/{}/resolve/{}/{member}", self.repo, self.revision)
            .parse()
            .map_err(|error| failure(format!("{endpoint} is no address: {error}")))?;
        let client = client().map_err(|error| failure(chain(&error)))?;
        let home = url.origin();
        let mut stated = Stated::default();
        for _ in 0..HOPS {
            let mut request = client.get(url.clone());
            // The token is for the hub, not for whoever keeps its files.
            if let Some(token) = self.token().filter(|_| url.origin() == home) {
                request = request.bearer_auth(token);
            }
            let response = self.patiently(request.send(), member).await?.map_err(|error| failure(chain(&error)))?;
            if url.origin() == home {
                stated.read(response.headers());
            }
            let status = response.status();
            if status.is_success() {
                return Ok((stated, response));
            }
            let leads = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).and_then(|to| url.join(to).ok());
            match leads {
                Some(next) if status.is_redirection() => url = next,
                _ => return Err(failure(refusal(status, response.headers()))),
            }
        }
        Err(failure(format!("it leads through more than {HOPS} servers")))
    }

    /// Writes the body to a file; its size and digest.
    async fn write(&self, mut response: Response, path: &Path, member: &str, meter: &mut Meter<'_>) -> Result<(u64, String), Error> {
        let _guard = self.job.guard.clone();
        if let Some(total) = response.content_length() {
            meter.learn(total);
        }
        let mut file = tokio::fs::File::create(path).await.map_err(self.job.io("write", path))?;
        let (mut size, mut hash) = (0, Sha256::new());
        while let Some(bytes) = self
            .patiently(response.chunk(), member)
            .await?
            .map_err(|error| self.failure(member, format!("the body broke off: {}", chain(&error))))?
        {
            file.write_all(&bytes).await.map_err(|error| self.not_written(path, error))?;
            hash.update(&bytes);
            size += bytes.len() as u64;
            meter.show(size);
        }
        file.flush().await.map_err(|error| self.not_written(path, error))?;
        file.sync_all().await.map_err(|error| self.not_written(path, error))?;
        Ok((size, digest::hex(hash)))
    }

    /// Gives up when nothing has come for as long as patience lasts.
    async fn patiently<T>(&self, step: impl Future<Output = T>, member: &str) -> Result<T, Error> {
        let patience = self.job.options.patience;
        let late = |_| self.failure(member, format!("nothing came for {} s", patience.as_secs()));
        tokio::time::timeout(patience, step).await.map_err(late)
    }

    fn not_written(&self, path: &Path, error: std::io::Error) -> Error {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Error::DiskFull { model: self.job.model.name.clone(), path: self.staging.clone() };
        }
        self.job.io("write", path)(error)
    }

    fn failure(&self, member: &str, reason: String) -> Error {
        Error::Hub { endpoint: self.endpoint(), what: format!("{}/{member}", self.repo), reason }
    }
}

impl Stated {
    /// The first server that says something is the one that knows.
    fn read(&mut self, headers: &HeaderMap) {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(|value| value.trim_matches('"').to_owned());
        self.commit = self.commit.take().or_else(|| text("x-repo-commit"));
        let tag = text("x-linked-etag").or_else(|| text("etag")).map(|tag| tag.to_ascii_lowercase());
        let is_digest = |tag: &String| tag.len() == 64 && tag.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.sha256 = self.sha256.take().or_else(|| tag.filter(is_digest));
    }
}

fn client() -> reqwest::Result<Client> {
    // One process may have chosen before; the choice is the same everywhere.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT).build()
}

fn refusal(status: StatusCode, headers: &HeaderMap) -> String {
    let said = headers.get("x-error-message").or_else(|| headers.get("x-error-code")).and_then(|value| value.to_str().ok());
    let said = said.map_or_else(|| status.to_string(), |said| format!("{status}: {said}"));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("{said}; if the repository is gated, accept its terms on the hub and set HF_TOKEN")
        }
        _ => said,
    }
}

/// An error and its causes, each said once.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        next = cause.source();
    }
    text
}
