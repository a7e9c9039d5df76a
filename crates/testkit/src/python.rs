//! Python programs with their packages, fetched once through pip into the user's cache.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

/// The `python3` of this machine with exactly these packages beside its own: a `requirements.txt` that pins every one of them, those
/// that others need included. Fetched once for each list.
///
/// # Panics
///
/// Where they cannot be fetched; the message says what to do.
pub fn python(requirements: &str) -> Command {
    let packages: Vec<&str> = requirements.lines().filter(|line| !line.is_empty()).collect();
    let fetched = || {
        let version = Command::new("python3").arg("--version").output().context("python3 does not start: apt-get install python3-pip")?;
        let mut hash = DefaultHasher::new();
        // Compiled packages fit one version.
        (&packages, version.stdout).hash(&mut hash);
        fetch(&format!("python-{:016x}", hash.finish()), &packages)
    };
    let folder = fetched().unwrap_or_else(|error| panic!("{error:#}"));
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// The folder `name` of the user's cache with these packages and nothing that they depend on; fetched where it is not there yet.
pub(crate) fn fetch(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cache")));
    let folder = cache.context("HOME or XDG_CACHE_HOME must say where Python packages are kept")?.join("viva-testkit");
    let kept = folder.join(name);
    if kept.is_dir() {
        return Ok(kept);
    }
    fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let fresh = tempfile::tempdir_in(&folder).with_context(|| format!("the folder {} cannot be written", folder.display()))?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]);
    pip.args(packages).arg("--target").arg(fresh.path());
    let done = pip.output().context("python3 does not start: apt-get install python3-pip")?;
    ensure!(done.status.success(), "pip did not get {}: {}", packages.join(" "), String::from_utf8_lossy(&done.stderr));
    // Another test process may have been faster: then its copy stands and ours goes.
    let moved = fs::rename(fresh.path(), &kept);
    ensure!(kept.is_dir(), "{} is not there after pip has installed {}: {moved:?}", kept.display(), packages.join(" "));
    Ok(kept)
}
