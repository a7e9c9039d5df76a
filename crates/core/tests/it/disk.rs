//! Small and read-only disks for the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs of its own, unmounted when dropped.
pub struct Disk(tempfile::TempDir);

impl Disk {
    /// Mounts a disk of that size. None where this process may not mount, which is said aloud, and forbidden in CI.
    pub fn mount(size: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted = privileged("mount", &["-t", "tmpfs", "-o", &options, "tmpfs", folder.path().to_str().unwrap()]);
        if mounted {
            return Some(Self(folder));
        }
        assert!(std::env::var_os("CI").is_none(), "CI must be able to mount a tmpfs: run as root, or allow sudo");
        eprintln!("NOT TESTED: this user may not mount a tmpfs (needs root or sudo); the tests by ulimit and /sys still run");
        None
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes the disk read-only.
    pub fn freeze(&self) {
        assert!(privileged("mount", &["-o", "remount,ro", self.path().to_str().unwrap()]));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        assert!(privileged("umount", &["-l", self.path().to_str().unwrap()]), "{} stays mounted", self.path().display());
    }
}

fn privileged(program: &str, arguments: &[&str]) -> bool {
    let ran = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    ran(Command::new(program).args(arguments)) || ran(Command::new("sudo").args(["-n", program]).args(arguments))
}

/// Runs a test of this binary again in a process that may not write files beyond 8 KiB. It finds `folder` in the environment.
pub fn rerun_with_small_files(test: &str, folder: &Path) {
    // The signal is ignored and not caught, so that the limit shows as an error of the write; 512-byte blocks in dash.
    let script = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
    let output = Command::new("sh")
        .args(["-c", script, std::env::current_exe().unwrap().to_str().unwrap(), "--exact", test, "--nocapture"])
        .env("VIVA_TEST_LIMITED", folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

/// The folder to use, in a process started by [`rerun_with_small_files`].
pub fn limited() -> Option<PathBuf> {
    std::env::var_os("VIVA_TEST_LIMITED").map(PathBuf::from)
}
