//! What the test servers have in common: their programs, ports and folders, and the control over their processes.

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::orphans;
use crate::proc::Proc;

/// On a machine that is busy compiling, a server takes its time: a RabbitMQ was seen to need more than 90 s among thirty busy processes.
pub(crate) const READY_WITHIN: Duration = Duration::from_mins(4);

/// Below the kernel's own range (32768 and up): while a server is down, its port cannot become some client's, and a client that tries
/// to reach it cannot be connected to itself.
const PORTS: std::ops::Range<u64> = 20_000..32_000;

/// A server as a process of its own, to be frozen, killed and started again.
pub struct Daemon {
    /// None while it is started again, and where that failed.
    process: Mutex<Option<Proc>>,
    start: Box<dyn Fn() -> anyhow::Result<Proc> + Send + Sync>,
    /// Asks it to shut down in good order.
    polite: Signal,
}

impl Daemon {
    /// Starts it; an error where it ends or is not ready in time.
    pub(crate) fn new(polite: Signal, start: impl Fn() -> anyhow::Result<Proc> + Send + Sync + 'static) -> anyhow::Result<Self> {
        Ok(Self { process: Mutex::new(Some(start()?)), start: Box::new(start), polite })
    }

    /// The process id of the server; another one after a restart.
    pub fn pid(&self) -> u32 {
        self.with(Proc::pid)
    }

    /// SIGKILL to the server and its children; returns when they are gone.
    pub fn kill(&self) {
        self.with(Proc::kill);
    }

    /// SIGSTOP to the server and its children: connections stay open, and nobody answers.
    pub fn stop(&self) {
        self.with(Proc::stop);
    }

    /// SIGCONT: goes on where it was stopped.
    pub fn cont(&self) {
        self.with(Proc::cont);
    }

    /// Shuts down in good order; returns when it has ended.
    pub fn shut_down(&self) {
        self.end(self.polite);
    }

    /// Starts again after the server was killed or shut down, on the same port with the same data.
    ///
    /// # Panics
    ///
    /// Where it is not ready in time, with what it said.
    #[track_caller]
    pub fn start_again(&self) {
        let mut process = self.process();
        let ended = process.take_if(|server| server.exited().is_some());
        assert!(process.is_none(), "the server still runs: kill it or shut it down first");
        // Reaped first: a Postgres whose old process id still exists, if only as a zombie, does not start.
        drop(ended);
        *process = Some((self.start)().unwrap_or_else(|error| panic!("{error:#}")));
    }

    /// Shuts down in good order and starts again.
    #[track_caller]
    pub fn restart(&self) {
        self.shut_down();
        self.start_again();
    }

    /// Ends it by a signal; returns when it has ended.
    pub(crate) fn end(&self, signal: Signal) {
        self.with(|server| {
            server.cont();
            server.signal(signal);
            server.wait(READY_WITHIN);
        });
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&Proc) -> T) -> T {
        act(self.process().as_ref().expect("the server runs: its last start failed"))
    }

    fn process(&self) -> MutexGuard<'_, Option<Proc>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("process", &self.process).finish_non_exhaustive()
    }
}

/// A program, from one of these folders or from the path.
///
/// A bare machine whose tests run as root, as in a container, gets the Debian package.
///
/// # Panics
///
/// Where it is not installed and cannot be; the message names the package.
pub(crate) fn program(name: &str, folders: impl Fn() -> Vec<PathBuf>, package: &str) -> PathBuf {
    let find = || {
        let path = env::var_os("PATH").unwrap_or_default();
        let mut files = folders().into_iter().chain(env::split_paths(&path)).map(|folder| folder.join(name));
        files.find(|file| file.is_file())
    };
    let found = find().or_else(|| install(package).then(find).flatten());
    found.unwrap_or_else(|| panic!("this test needs the program {name}: apt-get install {package}"))
}

/// Installs a Debian package without starting what it brings; whether that worked. One at a time: apt keeps a lock.
fn install(package: &str) -> bool {
    static APT: Mutex<()> = Mutex::new(());
    if !nix::unistd::Uid::effective().is_root() {
        return false;
    }
    let _turn = APT.lock().unwrap_or_else(PoisonError::into_inner);
    eprintln!("installing the Debian package {package}, whose server a test starts");
    // A policy that forbids package scripts to start services: the tests start their own.
    let script = format!(
        "set -e; policy=/usr/sbin/policy-rc.d; \
         [ -e $policy ] || {{ printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; trap 'rm -f $policy' EXIT; }}; \
         export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; \
         apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends {package}"
    );
    Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Runs a program to its end.
///
/// # Panics
///
/// Where it takes longer than `limit`; it is killed then.
#[track_caller]
pub(crate) fn output_within(limit: Duration, command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let pid = Pid::from_raw(child.id() as i32);
    let (sender, output) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    let done = output.recv_timeout(limit).unwrap_or_else(|_| {
        kill(pid, Signal::SIGKILL).ok();
        panic!("{command:?} has not ended within {limit:?}")
    });
    done.unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// A folder for one server's data, gone with the value or with the process.
pub(crate) fn data_folder(server: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix(&format!("viva-{server}-")).tempdir().expect("a temporary folder for a server");
    orphans::remove_with_us(folder.path());
    folder
}

/// A port of this machine that nobody listens on, and that no other call of this process returns.
pub(crate) fn free_port() -> u16 {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(random() % PORTS.end));
    let count = PORTS.end - PORTS.start;
    let candidates = (0..count).map(|_| (PORTS.start + NEXT.fetch_add(1, Ordering::Relaxed) % count) as u16);
    let mut free = candidates.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.next().expect("one of 12000 ports is free")
}

/// A number that is another one in every process.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The text of a log file; empty where there is none yet.
pub(crate) fn text(file: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned()
}
