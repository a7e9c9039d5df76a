//! A process under the test's control: what it says, how it ends, and what signals do to it.
//!
//! It leads a process group of its own, so a frozen or killed worker takes the processes that it started with it. It promises to leave
//! nothing behind: dropped, or orphaned by a killed test, the whole family is killed, stopped or not. It doesn't restart anything.

mod family;
mod output;

use std::fs::File;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use crate::eventually::poll;
use crate::orphans;
use output::Output;

/// Says which part a test function plays in a process that [`Proc::rerun`] started.
const ROLE: &str = "VIVA_CHILD";

/// A killed process is gone in milliseconds; one that the kernel holds in a disk write takes longer.
const GONE_WITHIN: Duration = Duration::from_secs(5);

/// A running process.
#[derive(Debug)]
pub struct Proc {
    name: String,
    child: Child,
    stdin: Mutex<Option<ChildStdin>>,
    output: Arc<Output>,
    ends_by: Signal,
}

/// The part that this process plays, where [`Proc::rerun`] started it; none in the test itself.
pub fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

impl Proc {
    /// Starts a command and reads its stdout and stderr line by line.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    #[track_caller]
    pub fn spawn(command: Command) -> Self {
        Self::launch(command, None, Signal::SIGKILL)
    }

    /// Runs one test of this very binary again as a process, by its full name (`module::function`), ignored or not.
    ///
    /// The function sees `role` in [`role()`] and plays that part instead of testing.
    #[track_caller]
    pub fn rerun(test: &str, role: &str, env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("the test's own path"));
        command.args(["--exact", test, "--nocapture", "--include-ignored"]).env(ROLE, role);
        command.envs(env.iter().copied());
        Self::spawn(command)
    }

    /// Starts a command that writes to `log`, or to memory, and that is ended by `ends_by` when it is dropped.
    #[track_caller]
    pub(crate) fn launch(mut command: Command, log: Option<File>, ends_by: Signal) -> Self {
        command.process_group(0).stdin(Stdio::piped());
        match log {
            Some(file) => command.stdout(file.try_clone().expect("a second handle of the log")).stderr(file),
            None => command.stdout(Stdio::piped()).stderr(Stdio::piped()),
        };
        let name = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", command.get_program().display()));
        orphans::end_with_us(Pid::from_raw(child.id() as i32), ends_by);
        let output = Arc::new(Output::default());
        child.stdout.take().into_iter().for_each(|stream| output.read(stream));
        child.stderr.take().into_iter().for_each(|stream| output.read(stream));
        let stdin = Mutex::new(child.stdin.take());
        Self { name, child, stdin, output, ends_by }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has said so far.
    pub fn lines(&self) -> Vec<String> {
        self.output.lines()
    }

    /// What it has said since it had said `from` lines: for a test that reads along.
    pub fn lines_from(&self, from: usize) -> Vec<String> {
        self.output.lines_from(from)
    }

    /// The first line with `pattern` in it, said already or still to come.
    ///
    /// # Panics
    ///
    /// Where it does not come within `timeout`, or the process ends without it; with everything that it said.
    #[track_caller]
    pub fn wait_for_line(&self, pattern: &str, timeout: Duration) -> String {
        self.wait_for_nth_line(pattern, 1, timeout)
    }

    /// The `n`th line (from 1) with `pattern` in it, for what is said more than once.
    ///
    /// # Panics
    ///
    /// As [`Proc::wait_for_line`].
    #[track_caller]
    pub fn wait_for_nth_line(&self, pattern: &str, n: usize, timeout: Duration) -> String {
        let line = self.output.wait_for(pattern, n, timeout);
        line.unwrap_or_else(|| panic!("no line {n} with {pattern:?} within {timeout:?}; {}", self.story()))
    }

    /// As [`Proc::wait_for_line`], without panicking.
    pub(crate) fn says(&self, pattern: &str, timeout: Duration) -> Option<String> {
        self.output.wait_for(pattern, 1, timeout)
    }

    /// Writes a line to its stdin.
    ///
    /// # Panics
    ///
    /// Where it reads no more.
    #[track_caller]
    pub fn send_line(&self, line: &str) {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = writeln!(stdin.as_mut().expect("its stdin was closed by this test"), "{line}");
        sent.unwrap_or_else(|error| panic!("{line:?} not sent: {error}; {}", self.story()));
    }

    /// Writes a line to its stdin; false where it reads no more.
    pub fn offer_line(&self, line: &str) -> bool {
        let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
        stdin.as_mut().is_some_and(|stdin| writeln!(stdin, "{line}").is_ok())
    }

    /// Ends its stdin.
    pub fn close_stdin(&self) {
        drop(self.stdin.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// SIGKILL to it and everything that it started; returns when they are gone.
    pub fn kill(&self) {
        let descendants = family::descendants(self.leader());
        self.signal_all(&descendants, Signal::SIGKILL);
        let gone = |pid: &Pid| !family::alive(*pid);
        let all_gone = || (self.exited().is_some() && descendants.iter().all(gone)).then_some(());
        if poll(GONE_WITHIN, all_gone).is_none() {
            eprintln!("{} ({}) does not go away", self.name, self.pid());
        }
    }

    /// SIGSTOP to it and everything that it started: frozen, as by a paused virtual machine.
    pub fn stop(&self) {
        self.signal_all(&family::descendants(self.leader()), Signal::SIGSTOP);
    }

    /// SIGCONT to it and everything that it started: thawed.
    pub fn cont(&self) {
        self.signal_all(&family::descendants(self.leader()), Signal::SIGCONT);
    }

    /// SIGTERM to it alone, as an orchestrator sends it.
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// How it ended; none while it runs.
    pub fn exited(&self) -> Option<ExitStatus> {
        // It stays a zombie until it is dropped: until then its number cannot become another process's.
        let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::Pid(self.leader()), flags).expect("it is our child") {
            WaitStatus::Exited(_, code) => Some(ExitStatus::from_raw((code & 0xff) << 8)),
            WaitStatus::Signaled(_, signal, _) => Some(ExitStatus::from_raw(signal as i32)),
            _ => None,
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// Where it still runs after `timeout`; with everything that it said.
    #[track_caller]
    pub fn wait(&self, timeout: Duration) -> ExitStatus {
        poll(timeout, || self.exited()).unwrap_or_else(|| panic!("no end within {timeout:?}; {}", self.story()))
    }

    /// A signal to it alone.
    pub(crate) fn signal(&self, signal: Signal) {
        // A signal to what has ended is none: tests may race with the end.
        kill(self.leader(), signal).ok();
    }

    /// What it said and how it ended, for a panic's message.
    pub(crate) fn story(&self) -> String {
        let end = self.exited().map_or_else(|| "still runs".to_owned(), |status| format!("ended with {status}"));
        format!("{} ({}) {end}; it said:\n{}", self.name, self.pid(), self.lines().join("\n"))
    }

    fn leader(&self) -> Pid {
        Pid::from_raw(self.pid() as i32)
    }

    fn signal_all(&self, descendants: &[Pid], signal: Signal) {
        killpg(self.leader(), signal).ok();
        for pid in descendants {
            kill(*pid, signal).ok();
        }
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        if self.ends_by != Signal::SIGKILL {
            self.cont();
            self.signal(self.ends_by);
            poll(GONE_WITHIN, || self.exited());
        }
        self.kill();
        if self.child.wait().is_ok() {
            orphans::ended(self.leader(), self.ends_by);
        }
    }
}
