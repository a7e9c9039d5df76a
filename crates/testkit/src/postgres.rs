//! A Postgres of the test's own.
//!
//! It promises a fresh cluster that shares nothing with any other server of this machine, and databases that see nothing of each
//! other. Its commits survive a kill of the server, not a loss of power: nothing is forced to the disk.

use std::fs::OpenOptions;
use std::ops::Deref;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, ensure};
use nix::sys::signal::Signal;
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use crate::eventually::poll;
use crate::proc::Proc;
use crate::server::{Daemon, READY_WITHIN, data_folder, free_port, program, random, text};

/// The server that [`Postgres::shared`] uses instead of one of its own: the URL of a database in which new ones may be created.
const URL: &str = "VIVA_TEST_POSTGRES_URL";

/// `synchronous_commit` stays on: without it a killed server forgets commits, which is not what a crash test is to find. Shared memory
/// in the data folder goes with it, even where the server was killed.
const SETTINGS: &[&str] = &[
    "fsync=off",
    "full_page_writes=off",
    "max_connections=200",
    "listen_addresses=127.0.0.1",
    "dynamic_shared_memory_type=mmap",
    "logging_collector=off",
    "log_line_prefix=%m [%p] %d ",
];

/// A Postgres server, gone when dropped.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    psql: PathBuf,
    /// None where the server is the one that the environment names.
    own: Option<Own>,
}

#[derive(Debug)]
struct Own {
    // Declared before the folder: the server ends before its folder goes.
    daemon: Daemon,
    folder: TempDir,
}

impl Postgres {
    /// The one that all tests of this process share: one of their own that ends with the process, or the one that
    /// `VIVA_TEST_POSTGRES_URL` names. In that one the tests' databases (`viva_test_*`) stay behind.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(|| match std::env::var(URL) {
            Ok(url) => Postgres { url, psql: tool("psql"), own: None },
            Err(_) => Postgres::start(),
        });
        &SHARED
    }

    /// One of the test's own, to be stopped, crashed and restarted.
    ///
    /// # Panics
    ///
    /// Where it is not installed or does not start; the message says what to do.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// One of the test's own, with more in its environment: a clock that is wrong.
    ///
    /// # Panics
    ///
    /// As [`Postgres::start`].
    pub fn start_with(env: &[(&'static str, String)]) -> Self {
        let env = env.to_vec();
        let folder = data_folder("postgres");
        initialise(folder.path()).unwrap_or_else(|error| panic!("{error:#}"));
        let port = free_port();
        let dir = folder.path().to_owned();
        let daemon = Daemon::new(Signal::SIGINT, move || launch(&dir, port, &env)).unwrap_or_else(|error| panic!("{error:#}"));
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        Self { url, psql: tool("psql"), own: Some(Own { daemon, folder }) }
    }

    /// The URL of the database that every cluster has, to ask about the server itself.
    pub fn admin_url(&self) -> &str {
        &self.url
    }

    /// The URL of a fresh, empty database.
    pub fn database(&self) -> String {
        self.create("template1")
    }

    /// The URL of a fresh copy of a database (the URL of one), for a schema that takes long to make. Nobody may be connected to the
    /// original meanwhile.
    pub fn database_from(&self, template: &str) -> String {
        self.create(parts(template).1)
    }

    /// Runs SQL in the database of that URL and returns what `psql` prints: a line a row, columns divided by `|`.
    ///
    /// # Panics
    ///
    /// Where the server refuses it.
    #[track_caller]
    pub fn sql(&self, url: &str, sql: &str) -> String {
        let mut psql = Command::new(&self.psql);
        psql.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", sql]);
        let done = psql.output().expect("psql starts");
        assert!(done.status.success(), "{sql}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }

    /// What the server has logged. Written before the client has its answer, so that a test may count warnings.
    ///
    /// # Panics
    ///
    /// As every control: where the server is not the test's own.
    pub fn log(&self) -> String {
        text(&self.own().folder.path().join("log"))
    }

    /// Ends at once without writing anything down, as `pg_ctl stop -m immediate`; the next start recovers.
    pub fn crash(&self) {
        self.own().daemon.end(Signal::SIGQUIT);
    }

    fn own(&self) -> &Own {
        self.own.as_ref().unwrap_or_else(|| panic!("{URL} names a server that is not the test's own: use Postgres::start()"))
    }

    fn create(&self, template: &str) -> String {
        let name = format!("viva_test_{:016x}", random());
        self.sql(&self.url, &format!("CREATE DATABASE {name} TEMPLATE {template}"));
        let (server, _, options) = parts(&self.url);
        format!("{server}/{name}{options}")
    }
}

/// To stop, kill and restart it; panics where the server is not the test's own.
impl Deref for Postgres {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.own().daemon
    }
}

/// A database's URL in parts: the server, the name, and the options with their question mark.
fn parts(url: &str) -> (&str, &str, &str) {
    let (path, options) = url.split_at(url.find('?').unwrap_or(url.len()));
    let (server, name) = path.rsplit_once('/').unwrap_or((path, ""));
    (server, name, options)
}

/// Makes the cluster's files. The server refuses to run as root, so they belong to the user that it runs as.
fn initialise(folder: &Path) -> anyhow::Result<()> {
    let user = user();
    if let Some(user) = &user {
        chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    let mut initdb = as_user(&tool("initdb"), user.as_ref());
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]).arg(folder.join("data"));
    let done = initdb.current_dir(folder).output().context("initdb does not start")?;
    ensure!(done.status.success(), "initdb: {}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    Ok(())
}

fn launch(folder: &Path, port: u16, env: &[(&'static str, String)]) -> anyhow::Result<Proc> {
    let (data, log) = (folder.join("data"), folder.join("log"));
    let mut command = as_user(&tool("postgres"), user().as_ref());
    command.current_dir(folder).envs(env.iter().cloned()).arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(folder);
    command.args(SETTINGS.iter().flat_map(|setting| ["-c", setting]));
    let log_file = OpenOptions::new().create(true).append(true).open(&log)?;
    // Not SIGKILL: that would leave its System V shared memory behind, of which there are only 4096.
    let server = Proc::launch(command, Some(log_file), Signal::SIGQUIT);
    let ready = poll(READY_WITHIN, || server.exited().map(|_| false).or_else(|| ready(&data, server.pid()).then_some(true)));
    ensure!(ready == Some(true), "postgres is not ready; {}; it logged:\n{}", server.story(), text(&log));
    Ok(server)
}

/// Whether this very server says so in its lock file: after a crash the last one's is still there.
fn ready(data: &Path, pid: u32) -> bool {
    let lock = text(&data.join("postmaster.pid"));
    lock.lines().next() == Some(&pid.to_string()) && lock.lines().last().is_some_and(|line| line.trim_end() == "ready")
}

/// Whom the server runs as, where we are root.
fn user() -> Option<User> {
    let named = |name| User::from_name(name).ok().flatten();
    geteuid().is_root().then(|| named("postgres").or_else(|| named("nobody")).expect("a user postgres or nobody to run Postgres as"))
}

fn as_user(program: &Path, user: Option<&User>) -> Command {
    let mut command = Command::new(program);
    if let Some(user) = user {
        // Setting the user as root also drops root's other groups.
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

/// A program of Postgres: Debian keeps all but a few of them out of the path, and starts those through a slow wrapper.
fn tool(name: &str) -> PathBuf {
    let newest_first = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
        folders.sort();
        folders.reverse();
        folders
    };
    program(name, newest_first, "postgresql")
}
