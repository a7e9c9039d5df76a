//! Wall clocks that are wrong, for one process each.
//!
//! Through libfaketime, preloaded into the process: what it is told of the wall time is shifted, and may be shifted again while it
//! runs; its monotonic clock and everybody else's clocks stay as they are.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::server::program;

/// The wall clock of the processes that are started with its environment.
#[derive(Debug)]
pub struct FakeClock {
    folder: TempDir,
    library: PathBuf,
}

impl FakeClock {
    /// A clock that is ahead by so many seconds, or behind.
    ///
    /// # Panics
    ///
    /// Where libfaketime is not installed and cannot be; the message names the package.
    pub fn ahead_by(seconds: i64) -> Self {
        // The program's own package; it finds the library in the folder of the machine's kind.
        program("faketime", Vec::new, "faketime");
        let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
        let mut libraries = folders.map(|folder| folder.join("faketime/libfaketime.so.1"));
        let library = libraries.find(|library| library.is_file()).expect("libfaketime beside faketime: apt-get install faketime");
        let folder = tempfile::tempdir().expect("a temporary folder for a clock");
        // A server that runs as another user reads it, too.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("our own folder");
        let clock = Self { folder, library };
        clock.jump_to(seconds);
        clock
    }

    /// Makes it jump: from now on it is ahead by so many seconds, or behind.
    pub fn jump_to(&self, seconds: i64) {
        // Renamed into place: the process reads it at any moment.
        let fresh = self.folder.path().join("fresh");
        fs::write(&fresh, format!("{seconds:+}s\n")).and_then(|()| fs::rename(fresh, self.file())).expect("a file for a clock");
    }

    /// What a process is started with whose clock it is.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let shown = |path: &Path| path.display().to_string();
        vec![
            ("LD_PRELOAD", shown(&self.library)),
            ("FAKETIME_TIMESTAMP_FILE", shown(&self.file())),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }
}
