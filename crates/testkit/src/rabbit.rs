//! A RabbitMQ of the test's own.
//!
//! It shares nothing with any other broker of this machine: node, ports, data, cookie and name service are its own. Its durable queues
//! survive a restart and a kill.

use std::fs::{self, OpenOptions};
use std::io::{Seek, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use anyhow::ensure;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::eventually::poll;
use crate::proc::Proc;
use crate::server::{Daemon, READY_WITHIN, data_folder, free_port, output_within, program, random, text};
use crate::tls::Certificates;

const NODE: &str = "viva@localhost";
const COOKIE: &str = "viva";
const PACKAGE: &str = "rabbitmq-server";
/// How long a program that asks the broker may take. Neither has a limit of its own where the broker takes the connection and then
/// says nothing.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// How a broker differs from a plain one.
#[derive(Debug, Clone, Default)]
pub struct RabbitOptions {
    /// An `advanced.config`, such as `[{rabbit, [{consumer_timeout, 3000}, {channel_tick_interval, 500}]}].`
    pub advanced: String,
    /// With the management plugin and its HTTP interface; it starts more slowly.
    pub management: bool,
    /// Speaks TLS as well, with these files, and with nobody who has no certificate of the same authority. Not beside `advanced`.
    pub tls: Option<Arc<Certificates>>,
}

/// A RabbitMQ server, gone when dropped.
#[derive(Debug)]
pub struct Rabbit {
    // Declared before the rest: the broker ends before its name service and its folder go.
    daemon: Daemon,
    _names: Proc,
    setup: Arc<Setup>,
}

#[derive(Debug)]
struct Setup {
    folder: TempDir,
    port: u16,
    epmd: u16,
    dist: u16,
    http: Option<u16>,
    tls: Option<u16>,
}

impl Rabbit {
    /// The one that all tests of this process share; ends with the process.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Rabbit> = LazyLock::new(Rabbit::start);
        &SHARED
    }

    /// A plain one of the test's own, to be stopped, killed and restarted.
    pub fn start() -> Self {
        Self::start_with(&RabbitOptions::default())
    }

    /// One of the test's own.
    ///
    /// # Panics
    ///
    /// Where it is not installed or does not start; the message says what to do.
    pub fn start_with(options: &RabbitOptions) -> Self {
        let http = options.management.then(free_port);
        let tls = options.tls.as_ref().map(|_| free_port());
        let setup = Arc::new(Setup { folder: data_folder("rabbit"), port: free_port(), epmd: free_port(), dist: free_port(), http, tls });
        setup.write(options).unwrap_or_else(|error| panic!("RabbitMQ's folder {}: {error:#}", setup.folder.path().display()));
        let names = setup.start_names();
        let own = Arc::clone(&setup);
        let daemon = Daemon::new(Signal::SIGTERM, move || own.launch()).unwrap_or_else(|error| panic!("{error:#}"));
        Self { daemon, _names: names, setup }
    }

    /// Where it is: `amqp://guest:guest@127.0.0.1:PORT/%2f`, the default virtual host.
    pub fn url(&self) -> String {
        self.url_of("%2f")
    }

    /// The same over TLS, without the files that it takes.
    ///
    /// # Panics
    ///
    /// Where it was started without TLS.
    #[track_caller]
    pub fn tls_url(&self) -> String {
        let port = self.setup.tls.expect("started with RabbitOptions { tls: Some(..), .. }");
        format!("amqps://guest:guest@localhost:{port}/%2f")
    }

    /// The URL of a fresh virtual host, which sees nothing of the others.
    pub fn vhost(&self) -> String {
        let name = format!("viva_test_{:016x}", random());
        self.eval(&format!(
            "ok = rabbit_vhost:add(<<\"{name}\">>, <<\"guest\">>),
             ok = rabbit_auth_backend_internal:set_permissions(<<\"guest\">>, <<\"{name}\">>, <<\".*\">>, <<\".*\">>, <<\".*\">>, <<\"guest\">>)."
        ));
        self.url_of(&name)
    }

    /// Where its HTTP interface is, user and password `guest`.
    ///
    /// # Panics
    ///
    /// Where it was started without the management plugin.
    #[track_caller]
    pub fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.setup.http.expect("started with RabbitOptions { management: true, .. }"))
    }

    /// Runs `rabbitmqctl` and returns what it prints, without headers. It takes a second: its program is large.
    ///
    /// # Panics
    ///
    /// Where it fails.
    #[track_caller]
    pub fn ctl(&self, args: &[&str]) -> String {
        let mut ctl = self.setup.command("rabbitmqctl");
        let done = output_within(ANSWER_WITHIN, ctl.arg("--silent").args(args).stdin(Stdio::null()));
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        assert!(done.status.success(), "rabbitmqctl {args:?}: {}\n{}", said(&done.stdout), said(&done.stderr));
        said(&done.stdout)
    }

    /// Runs Erlang expressions (with a full stop at the end) in the broker and returns the value of the last one, as text.
    ///
    /// # Panics
    ///
    /// Where they fail.
    #[track_caller]
    pub fn eval(&self, expressions: &str) -> String {
        let mut call = self.setup.command("erl_call");
        // Two of one name cannot be connected at once, and its own random names (`-r`) are the same within a second.
        let mut said = tempfile::tempfile().expect("a file for what it is told");
        writeln!(said, "{expressions}").and_then(|()| said.rewind()).expect("the file can be written");
        call.args(["-h", &format!("call_{:016x}", random()), "-n", NODE, "-c", COOKIE, "-e"]).stdin(said);
        let done = output_within(ANSWER_WITHIN, &mut call);
        let said = String::from_utf8_lossy(&done.stdout);
        let value = said.trim().strip_prefix("{ok,").and_then(|rest| rest.strip_suffix('}')).map(|value| value.trim().to_owned());
        value.unwrap_or_else(|| panic!("{expressions}: {said}{}", String::from_utf8_lossy(&done.stderr)))
    }

    /// What the broker has logged since its first start.
    pub fn log(&self) -> String {
        text(&self.setup.log())
    }

    fn url_of(&self, vhost: &str) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/{vhost}", self.setup.port)
    }
}

fn secure(files: &Certificates, port: u16) -> String {
    let [authority, certificate, key] = [files.authority(), files.certificate(), files.key()].map(|path| format!("\"{}\"", path.display()));
    format!(
        "[{{rabbit, [{{ssl_listeners, [{{\"127.0.0.1\", {port}}}]}}, {{ssl_options, [{{cacertfile, {authority}}}, {{certfile, {certificate}}}, \
         {{keyfile, {key}}}, {{verify, verify_peer}}, {{fail_if_no_peer_cert, true}}]}}]}}]."
    )
}

/// To stop, kill and restart it.
impl Deref for Rabbit {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Setup {
    fn write(&self, options: &RabbitOptions) -> anyhow::Result<()> {
        let folder = self.folder.path();
        let plugins = if options.management { "[rabbitmq_management]." } else { "[]." };
        fs::write(folder.join("enabled_plugins"), plugins)?;
        let advanced = options.tls.as_ref().zip(self.tls).map(|(files, port)| secure(files, port));
        let advanced = advanced.unwrap_or_else(|| options.advanced.clone());
        if !advanced.is_empty() {
            fs::write(folder.join("advanced.config"), advanced)?;
        }
        let mut cookie = OpenOptions::new().write(true).create_new(true).mode(0o400).open(folder.join(".erlang.cookie"))?;
        Ok(cookie.write_all(COOKIE.as_bytes())?)
    }

    /// Started by us, or the broker would start one that outlives it.
    fn start_names(&self) -> Proc {
        let mut command = self.command("epmd");
        command.args(["-port", &self.epmd.to_string()]);
        let names = Proc::spawn(command);
        let up = poll(READY_WITHIN, || TcpStream::connect((Ipv4Addr::LOCALHOST, self.epmd)).ok());
        assert!(up.is_some(), "epmd is not ready; {}", names.story());
        names
    }

    fn launch(&self) -> anyhow::Result<Proc> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let before = text(&self.log()).len();
        let broker = Proc::launch(self.command("rabbitmq-server"), Some(log), Signal::SIGKILL);
        let started = || text(&self.log()).get(before..).is_some_and(|log| log.contains("Server startup complete"));
        let ready = poll(READY_WITHIN, || broker.exited().map(|_| false).or_else(|| started().then_some(true)));
        ensure!(ready == Some(true), "RabbitMQ is not ready; {}; it logged:\n{}", broker.story(), text(&self.log()));
        Ok(broker)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log.txt")
    }

    /// A program of RabbitMQ or Erlang that sees this broker and no other.
    fn command(&self, name: &str) -> Command {
        // Debian's scripts in the path change to the user rabbitmq; these are what they call.
        let mut command = Command::new(program(name, || vec![PathBuf::from("/usr/lib/rabbitmq/bin")], PACKAGE));
        let folder = self.folder.path();
        let paths = [
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_GENERATED_CONFIG_DIR", "config"),
            ("RABBITMQ_PLUGINS_EXPAND_DIR", "plugins"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "enabled_plugins"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced.config"),
            ("RABBITMQ_PID_FILE", "pid"),
            ("ERL_CRASH_DUMP", "erl_crash.dump"),
            // Not there: what this machine's own broker is configured with is none of ours.
            ("RABBITMQ_CONFIG_FILE", "none"),
            ("RABBITMQ_CONF_ENV_FILE", "none"),
        ];
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("LANG", "C.UTF-8").env("HOME", folder);
        command.envs(paths.map(|(name, file)| (name, folder.join(file)))).envs(self.settings()).current_dir(folder);
        command
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let http = self.http.map(|port| format!(" -rabbitmq_management tcp_config [{{port,{port}}},{{ip,\"127.0.0.1\"}}]"));
        vec![
            ("ERL_EPMD_PORT", self.epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODENAME", NODE.to_owned()),
            ("RABBITMQ_NODE_PORT", self.port.to_string()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_DIST_PORT", self.dist.to_string()),
            ("RABBITMQ_LOGS", "-".to_owned()),
            // The script then becomes the broker, instead of a shell that waits for it.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
            // Two threads that are not bound to a core: the default binds them, and starts half as fast on a busy machine.
            ("RABBITMQ_SERVER_ERL_ARGS", "+S 2:2 +sbwt none".to_owned()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", format!("-kernel inet_dist_use_interface {{127,0,0,1}}{}", http.unwrap_or_default())),
        ]
    }
}
