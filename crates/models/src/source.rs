//! The places that models come from, each behind `fetch`: one whole file, written in the staging folder.

mod hub;
mod pip;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::pull::Job;
use crate::{Error, Event, File, Progress, Source};

/// How often a running download is looked at.
const TICK: Duration = Duration::from_millis(200);

/// A file that a source gave, not yet held against anything.
pub(crate) struct Fetched {
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
    pub(crate) sha256: String,
    /// The digest the source says the file has.
    pub(crate) stated_sha256: Option<String>,
    /// Where exactly it came from, for the record.
    pub(crate) from: String,
}

/// A source being used by a pull.
pub(crate) enum Open<'a> {
    Pip(pip::Pip<'a>),
    Hub(hub::Hub<'a>),
}

/// Makes a source ready; nothing is asked of it yet.
pub(crate) fn open<'a>(source: &'a Source, job: &'a Job<'a>, staging: &Path) -> Open<'a> {
    match source {
        Source::Pip { parts } => Open::Pip(pip::Pip::new(job, parts, staging)),
        Source::Hub { repo, revision, parts } => Open::Hub(hub::Hub::new(job, (repo, revision.as_deref()), parts, staging)),
    }
}

impl Open<'_> {
    /// Fetches the first of the wanted files.
    pub(crate) async fn fetch(&mut self, wanted: &[File], meter: &mut Meter<'_>) -> Result<Fetched, Error> {
        let fetched = match self {
            Self::Pip(pip) => Box::pin(pip.fetch(wanted, meter)).await,
            Self::Hub(hub) => Box::pin(hub.fetch(&wanted[0], meter)).await,
        }?;
        meter.finish(fetched.size);
        Ok(fetched)
    }
}

/// Counts bytes over all the files of one pull.
pub(crate) struct Meter<'a> {
    progress: &'a dyn Progress,
    total: Option<u64>,
    /// Bytes of the pieces that are complete.
    complete: u64,
    /// The most that was shown: wheels are counted packed and files unpacked, and a bar must not go back.
    shown: AtomicU64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(progress: &'a dyn Progress, wanted: &[File]) -> Self {
        Self { progress, total: wanted.iter().map(|f| f.size).sum(), complete: 0, shown: AtomicU64::new(0) }
    }

    /// A total learnt from the source, where the manifest has none.
    fn learn(&mut self, total: u64) {
        if self.total.is_none() && total > 0 {
            self.total = Some(total);
        }
    }

    /// `bytes` of the running piece are here.
    fn show(&self, bytes: u64) {
        let done = self.complete + bytes;
        let done = self.total.map_or(done, |total| done.min(total));
        let done = self.shown.fetch_max(done, Relaxed).max(done);
        self.progress.event(&Event::Bytes { done, total: self.total });
    }

    /// A piece of `bytes` is complete.
    fn finish(&mut self, bytes: u64) {
        self.complete += bytes;
        self.show(0);
    }
}
