//! Models on the Hugging Face hub, or on a mirror that `HF_ENDPOINT` names.
//!
//! hf-hub keeps a downloaded file under its ETag, which for a file in Git LFS (every model file) is its SHA-256, and files that
//! under the commit that the revision stood for: so the layout of its cache, here a staging folder, tells the digest that the
//! hub states and where exactly the bytes came from.

use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hf_hub::progress::{DownloadEvent, ProgressEvent, ProgressHandler};
use hf_hub::{HFClient, HFError};

use super::{Fetched, Meter, TICK};
use crate::pull::{Job, blocking};
use crate::{Error, File, HubPart, digest};

pub(crate) struct Hub<'a> {
    job: &'a Job<'a>,
    repo: &'a str,
    revision: &'a str,
    parts: &'a [HubPart],
    cache: PathBuf,
}

/// Byte counts that hf-hub reports.
#[derive(Default)]
struct Count {
    done: AtomicU64,
    total: AtomicU64,
}

impl<'a> Hub<'a> {
    pub(crate) fn new(job: &'a Job<'a>, repo: (&'a str, Option<&'a str>), parts: &'a [HubPart], staging: &Path) -> Self {
        let (repo, revision) = (repo.0, repo.1.unwrap_or("main"));
        Self { job, repo, revision, parts, cache: staging.join("hub") }
    }

    pub(crate) async fn fetch(&self, file: &File, meter: &mut Meter<'_>) -> Result<Fetched, Error> {
        let part = self.parts.iter().find(|part| part.file == file.name).expect("a parsed manifest has every file; this is a bug");
        let client = self.client()?;
        let snapshot = self.download(&client, part, meter).await?;
        let broken = |reason: &str| self.failure(&client, &part.member, reason.to_owned());
        // snapshots/<commit>/<member> -> blobs/<etag>
        let blob = fs::canonicalize(&snapshot).map_err(self.job.io("read", &snapshot))?;
        let etag = blob.file_name().and_then(|name| name.to_str()).ok_or_else(|| broken("it gave the file no ETag"))?;
        let stated_sha256 = Some(etag.to_ascii_lowercase()).filter(|tag| tag.len() == 64 && tag.bytes().all(|b| b.is_ascii_hexdigit()));
        let depth = Path::new(&part.member).components().count();
        let commit = snapshot.ancestors().nth(depth).and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        let from = format!("hub: {}@{} {}", self.repo, commit.as_deref().unwrap_or(self.revision), part.member);
        meter.checking(&file.name);
        let (size, sha256) = self.hash(&blob).await?;
        Ok(Fetched { path: blob, size, sha256, stated_sha256, from })
    }

    fn client(&self) -> Result<HFClient, Error> {
        let builder = HFClient::builder().cache_dir(&self.cache).retry_max_attempts(2);
        let builder = match &self.job.options.hub {
            Some(endpoint) => builder.endpoint(endpoint),
            None => builder,
        };
        let endpoint = self.job.options.hub.as_deref().unwrap_or("HF_ENDPOINT");
        builder.build().map_err(|e| Error::Hub { endpoint: endpoint.to_owned(), what: self.repo.to_owned(), reason: chain(&e) })
    }

    /// Downloads into the cache layout; gives up when nothing has moved for as long as patience lasts.
    async fn download(&self, client: &HFClient, part: &HubPart, meter: &mut Meter<'_>) -> Result<PathBuf, Error> {
        let (owner, name) = hf_hub::split_id(self.repo);
        let repo = client.model(owner, name);
        let count = Arc::new(Count::default());
        let request = repo.download_file().filename(&part.member).revision(self.revision).progress(Arc::clone(&count));
        let mut run = Box::pin(request.send());
        let (mut silent, mut seen) = (std::time::Duration::ZERO, 0);
        loop {
            tokio::select! {
                outcome = &mut run => return outcome.map_err(|e| self.failure(client, &part.member, explain(&e))),
                () = tokio::time::sleep(TICK) => {}
            }
            let done = count.done.load(Relaxed);
            silent = if done == seen { silent + TICK } else { std::time::Duration::ZERO };
            seen = done;
            if silent >= self.job.options.patience {
                let waited = self.job.options.patience.as_secs();
                return Err(self.failure(client, &part.member, format!("nothing came for {waited} s")));
            }
            meter.learn(count.total.load(Relaxed));
            meter.show(done);
        }
    }

    async fn hash(&self, blob: &Path) -> Result<(u64, String), Error> {
        let (path, guard) = (blob.to_owned(), self.job.guard.clone());
        let hashed = blocking(move || {
            let _guard = guard;
            Ok((fs::metadata(&path)?.len(), digest::of_file(&path)?))
        });
        hashed.await.map_err(self.job.io("read", blob))
    }

    fn failure(&self, client: &HFClient, member: &str, reason: String) -> Error {
        if reason.contains("No space left on device") {
            return Error::DiskFull { model: self.job.model.name.clone(), path: self.cache.clone() };
        }
        Error::Hub { endpoint: client.endpoint().to_owned(), what: format!("{}/{member}", self.repo), reason }
    }
}

impl ProgressHandler for Count {
    fn on_progress(&self, event: &ProgressEvent) {
        let ProgressEvent::Download(event) = event else { return };
        match event {
            DownloadEvent::Start { total_bytes, .. } => self.total.store(*total_bytes, Relaxed),
            DownloadEvent::Progress { files } => files.iter().for_each(|f| self.done.store(f.bytes_completed, Relaxed)),
            DownloadEvent::AggregateProgress { bytes_completed, .. } => self.done.store(*bytes_completed, Relaxed),
            DownloadEvent::Complete => {}
        }
    }
}

fn explain(error: &HFError) -> String {
    match error {
        HFError::AuthRequired { .. } | HFError::Forbidden { .. } => {
            format!("{}; if the repository is gated, accept its terms on the hub and set HF_TOKEN", chain(error))
        }
        _ => chain(error),
    }
}

/// An error and its causes, each said once.
fn chain(error: &HFError) -> String {
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
