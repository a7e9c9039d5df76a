//! Disks small enough to fill.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

/// Set in the process that runs a test again in a mount namespace of its own.
const NESTED: &str = "VIVA_TESTKIT_NESTED";

/// A container's shared memory is a small disk already (64 MB); where it is larger than this it is left alone.
const BALLAST_MAX: usize = 256 << 20;

/// Runs `body` with a folder on a disk that has about `bytes` of room, gone afterwards.
///
/// A tmpfs is mounted where that is allowed; in a container that may not mount, its small `/dev/shm` is filled up to `bytes`; a
/// user without either runs the test (`test` is its full name, `module::function`) again under `unshare`, as root of a namespace.
///
/// # Panics
///
/// Where none of the three works; the message says so.
pub fn with_small_disk(test: &str, bytes: u64, body: impl FnOnce(&Path)) {
    let point = tempfile::tempdir().expect("a temporary folder for the small disk");
    if mount(point.path(), bytes) {
        let mounted = Mounted(point.path());
        return body(mounted.0);
    }
    assert!(std::env::var_os(NESTED).is_none(), "unshare gave no right to mount a tmpfs: run the tests as root, or allow user namespaces");
    let shm = tempfile::tempdir_in("/dev/shm").ok();
    if let Some(shm) = shm.filter(|shm| fill(&shm.path().join("ballast"), bytes)) {
        return body(shm.path());
    }
    let exe = std::env::current_exe().expect("the test's own path");
    let again = Command::new("unshare").arg("-rm").arg(exe).args(["--exact", test, "--nocapture"]).env(NESTED, "1").output();
    let again = again.expect("no right to mount a tmpfs, and `unshare` (package util-linux) does not start: run the tests as root");
    let said = format!("{}{}", String::from_utf8_lossy(&again.stdout), String::from_utf8_lossy(&again.stderr));
    assert!(again.status.success() && said.contains("1 passed"), "{test}, run again under unshare: {said}");
}

fn mount(point: &Path, bytes: u64) -> bool {
    let command = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "viva-test"]).arg(point).output();
    command.is_ok_and(|output| output.status.success())
}

/// Fills a disk until `room` bytes are left; false where it is too large to be filled.
fn fill(ballast: &Path, room: u64) -> bool {
    let Ok(mut file) = File::create(ballast) else { return false };
    let piece = vec![1; 64 << 10];
    let mut written = 0;
    while written < BALLAST_MAX {
        match file.write(&piece) {
            Ok(n) => written += n,
            Err(e) if e.kind() == ErrorKind::StorageFull => {
                let shorter = (written as u64).checked_sub(room);
                return shorter.is_some_and(|len| file.set_len(len).is_ok());
            }
            Err(_) => break,
        }
    }
    drop(fs::remove_file(ballast));
    false
}

struct Mounted<'a>(&'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        // Lazily: a file that is still open must not keep the folder from being removed.
        drop(Command::new("umount").arg("-l").arg(self.0).output());
    }
}
