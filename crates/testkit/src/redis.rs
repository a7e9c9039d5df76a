//! A Redis of the test's own.
//!
//! It keeps nothing on disk: a restart empties it, as it empties a cache.

use std::ops::Deref;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::ensure;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::proc::Proc;
use crate::server::{Daemon, READY_WITHIN, data_folder, free_port, program};

/// A redis-server on a port of its own, gone when dropped.
#[derive(Debug)]
pub struct Redis {
    // Declared before the folder: the server ends before its folder goes.
    daemon: Daemon,
    port: u16,
    _folder: TempDir,
}

impl Redis {
    /// The one that all tests of this process share; ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Redis> = LazyLock::new(Redis::start);
        &SHARED
    }

    /// One of the test's own, to be stopped and killed.
    ///
    /// # Panics
    ///
    /// Where it is not installed or does not start; the message says what to do.
    pub fn start() -> Self {
        let program = program("redis-server", Vec::new, "redis-server");
        let folder = data_folder("redis");
        let port = free_port();
        let dir = folder.path().to_owned();
        let start = move || {
            let mut command = Command::new(&program);
            command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.arg("--dir").arg(&dir);
            let server = Proc::launch(command, None, Signal::SIGKILL);
            ensure!(server.says("eady to accept connections", READY_WITHIN).is_some(), "redis is not ready; {}", server.story());
            Ok(server)
        };
        let daemon = Daemon::new(Signal::SIGTERM, start).unwrap_or_else(|error| panic!("{error:#}"));
        Self { daemon, port, _folder: folder }
    }

    /// Where it is: `redis://127.0.0.1:PORT/0`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}

/// To stop, kill and restart it.
impl Deref for Redis {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}
