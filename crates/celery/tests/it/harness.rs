//! What the tests start: a virtual host, workers of both kinds, and a Python that runs what the platform's code would say.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use viva_testkit::{Proc, Rabbit, Redis, poll};

/// A Python that imports Celery on a machine that compiles takes its time.
pub const SOON: Duration = Duration::from_mins(1);

/// A release of the Python package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Celery {
    V5_7_0,
    V5_3_6,
}

impl Celery {
    /// Its interpreter, which finds the files of `tests/python`.
    pub fn python(self) -> Command {
        let requirements = match self {
            Self::V5_7_0 => include_str!("../python/celery-5.7.0.txt"),
            Self::V5_3_6 => include_str!("../python/celery-5.3.6.txt"),
        };
        let mut python = viva_testkit::python(requirements);
        python.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python")).env("PYTHONUNBUFFERED", "1");
        python
    }
}

/// A virtual host and a result backend for one test or for a few that share them.
#[derive(Debug)]
pub struct Place {
    pub broker: String,
    pub backend: String,
    folder: TempDir,
}

impl Place {
    /// On the broker that all tests share, with results in a reply queue.
    pub fn rpc() -> Self {
        Self::at(Rabbit::shared().vhost(), "rpc://".to_owned())
    }

    /// On the broker that all tests share, with results in Redis.
    pub fn redis() -> Self {
        Self::at(Rabbit::shared().vhost(), Redis::shared().url())
    }

    pub fn at(broker: String, backend: String) -> Self {
        Self { broker, backend, folder: tempfile::tempdir().unwrap() }
    }

    /// Ids of the tasks that had an effect, in the order in which they had it.
    pub fn effects(&self) -> Vec<String> {
        let file = std::fs::read_to_string(self.effects_file()).unwrap_or_default();
        file.lines().map(str::to_owned).collect()
    }

    /// The example worker, once it consumes. Its settings are environment variables.
    pub fn worker(&self, node: &str, settings: &[(&str, &str)]) -> Proc {
        if std::env::var("VIVA_TEST_WORKER").is_ok_and(|kind| kind == "python") {
            let places = settings.iter().find(|(name, _)| *name == "CONCURRENCY").map_or("2", |(_, places)| *places);
            return self.python_worker(Celery::V5_7_0, node, &["-c", places], settings);
        }
        let worker = Proc::spawn(self.command(node, settings));
        worker.wait_for_line("consuming", SOON);
        worker
    }

    /// The example worker's command, for who wants to see it start.
    pub fn command(&self, node: &str, settings: &[(&str, &str)]) -> Command {
        let mut command = Command::new(example());
        command.envs(self.environment()).env("NODE_NAME", node).env("RUST_LOG", "viva_celery=info").envs(settings.iter().copied());
        command
    }

    /// A Python worker with the same tasks, once it consumes.
    pub fn python_worker(&self, celery: Celery, node: &str, options: &[&str], settings: &[(&str, &str)]) -> Proc {
        let mut command = celery.python();
        command
            .args(["-m", "celery", "-A", "tasks", "worker", "-l", "info", "-n", node, "-Q", "celery"])
            .args(options)
            .envs(self.environment())
            .env("TRACK_STARTED", "true")
            .envs(settings.iter().copied());
        let worker = Proc::spawn(command);
        worker.wait_for_line(" ready.", SOON);
        worker
    }

    /// A Python that runs what it is told.
    pub fn client(&self, celery: Celery) -> Client {
        let mut command = celery.python();
        command.arg("driver.py").envs(self.environment());
        Client { python: Proc::spawn(command), asked: Mutex::new(0) }
    }

    /// `celery -A app ...` as a process.
    pub fn celery(&self, celery: Celery, args: &[&str]) -> Proc {
        let mut command = celery.python();
        command.args(["-m", "celery", "-A", "app"]).args(args).envs(self.environment());
        Proc::spawn(command)
    }

    pub fn environment(&self) -> [(&'static str, String); 3] {
        [
            ("BROKER_URL", self.broker.clone()),
            ("RESULT_BACKEND", self.backend.clone()),
            ("EFFECTS_FILE", self.effects_file().to_str().unwrap().to_owned()),
        ]
    }

    fn effects_file(&self) -> PathBuf {
        self.folder.path().join("effects")
    }
}

/// A Python process that runs one piece of code after the other (`tests/python/driver.py`), with the platform's `app`.
#[derive(Debug)]
pub struct Client {
    python: Proc,
    asked: Mutex<usize>,
}

/// What a piece of Python came to.
#[derive(Debug)]
pub enum Answer {
    Returned(Value),
    Raised(Raised),
}

/// An exception as the client has it in hand.
#[derive(Debug, serde::Deserialize)]
pub struct Raised {
    /// Its class, with its module.
    #[serde(rename = "raised")]
    pub class: String,
    /// Whose `except` clauses catch it.
    pub bases: Vec<String>,
    pub args: Vec<Value>,
    pub text: String,
}

impl Client {
    /// Runs a piece of Python for all tests that share this client; what it defines from now on is theirs.
    pub fn share(&self, code: &str) {
        if let Answer::Raised(raised) = self.run_in("", code) {
            panic!("{code}\nraised {raised:?}");
        }
    }

    /// Runs a piece of Python; the value of its last expression, or what it raised. Each test has names of its own.
    pub fn run(&self, code: &str) -> Answer {
        self.run_in(std::thread::current().name().unwrap(), code)
    }

    fn run_in(&self, test: &str, code: &str) -> Answer {
        // Its indentation here is that of Rust.
        let margin =
            code.lines().filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
        let lines: Vec<&str> = code.lines().map(|line| line.get(margin..).unwrap_or("")).collect();
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked += 1;
        self.python.send_line(&serde_json::json!([test, lines.join("\n")]).to_string());
        let line = self.python.wait_for_nth_line("answer: ", *asked, 3 * SOON);
        let answer: Value = serde_json::from_str(line.strip_prefix("answer: ").unwrap()).unwrap();
        match answer.get("ok") {
            Some(value) => Answer::Returned(value.clone()),
            None => Answer::Raised(serde_json::from_value(answer).unwrap()),
        }
    }

    /// What it returns.
    #[track_caller]
    pub fn returns(&self, code: &str) -> Value {
        match self.run(code) {
            Answer::Returned(value) => value,
            Answer::Raised(raised) => panic!("{code}\nraised {raised:?}"),
        }
    }

    /// What it raises.
    #[track_caller]
    pub fn raises(&self, code: &str) -> Raised {
        match self.run(code) {
            Answer::Returned(value) => panic!("{code}\nreturned {value}"),
            Answer::Raised(raised) => raised,
        }
    }

    /// Asks again until it returns something that is true to Python.
    #[track_caller]
    pub fn until(&self, code: &str) -> Value {
        let truth = |value: &Value| {
            !matches!(value, Value::Null | Value::Bool(false))
                && value.as_u64() != Some(0)
                && value.as_array().is_none_or(|items| !items.is_empty())
        };
        poll(SOON, || Some(self.returns(code)).filter(truth)).unwrap_or_else(|| panic!("never came true: {code}"))
    }
}

/// Cargo builds the examples of a package before its tests, beside them.
fn example() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let echo = test.parent().and_then(Path::parent).unwrap().join("examples/echo");
    assert!(echo.is_file(), "{} is not built: cargo build -p viva-celery --example echo", echo.display());
    echo
}
