use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::atomic::{make_shared, write_whole};
use super::error::{At as _, Error};

/// A folder on this machine or on a volume. Its calls block.
///
/// Why not `object_store`'s: of what it does on request it syncs files and folders, but the umask decides who may read and
/// replace them, the temporary names stand in sight beside the files, and it knows no conditional replacement.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
}

impl Folder {
    pub(super) fn at(root: PathBuf) -> Result<Self, Error> {
        for folder in [&root, &root.join("clips")] {
            make_shared(folder).at("cannot make the folder", folder)?;
        }
        Ok(Self { root })
    }

    /// Runs blocking work where it holds up no async thread.
    pub(super) async fn with<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        let folder = self.clone();
        off_the_runtime(move || work(&folder)).await
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<Bytes>, Error> {
        let path = self.root.join(name);
        read(&path).at("cannot read", &path)
    }

    pub(super) fn settle(&self, name: &str, bytes: &Bytes) -> Result<bool, Error> {
        let path = self.root.join(name);
        match read(&path) {
            Ok(Some(there)) if there == bytes => return Ok(false),
            Ok(_) => {}
            // Somebody else's private file: whoever may write the folder may still put another in its place.
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error).at("cannot read", &path),
        }
        write_whole(&path, bytes)?;
        Ok(true)
    }

    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.root.join(name);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at("cannot remove", &path),
            _ => Ok(()),
        }
    }
}

pub(super) async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(stopped) => match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Error::Stopped),
        },
    }
}

fn read(path: &Path) -> io::Result<Option<Bytes>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
