//! A watchdog beside the test process: what the tests started and made is gone when they are.
//!
//! Statics are not dropped at exit, and a killed test process drops nothing at all. A shell therefore holds the other end of a pipe
//! whose only writer is this process; when the pipe ends, it ends the process groups it was told of and removes the folders.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// Deaf to the signals of a terminal: ctrl-C is when it is needed. A group is written `pid:SIGNAL`.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=' '
while read -r what it; do
  case $what in
    group) groups="$groups$it " ;;
    gone) groups="${groups%% $it *} ${groups#* $it }" ;;
    folder) set -- "$@" "$it" ;;
  esac
done
for it in $groups; do
  kill -s CONT -- "-${it%:*}"
  kill -s "${it#*:SIG}" -- "-${it%:*}"
done
if [ "$groups" != ' ' ]; then sleep 0.5; fi
for it in $groups; do kill -s KILL -- "-${it%:*}"; done
if [ $# != 0 ]; then rm -rf -- "$@"; fi
"#;

#[expect(clippy::zombie_processes, reason = "it outlives us")]
static WATCHDOG: LazyLock<Mutex<ChildStdin>> = LazyLock::new(|| {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT, "viva-testkit"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // In a group of its own, or it would be killed together with the tests.
    let mut shell = command.process_group(0).spawn().expect("/bin/sh starts");
    Mutex::new(shell.stdin.take().expect("its stdin was asked for"))
});

/// The process group is to get this signal, and then SIGKILL, when this process ends.
pub(crate) fn end_with_us(group: Pid, signal: Signal) {
    tell(&format!("group {group}:{signal}"));
}

/// The process group has ended: its number may be given to somebody else's.
pub(crate) fn ended(group: Pid, signal: Signal) {
    tell(&format!("gone {group}:{signal}"));
}

/// The folder is to be removed when this process ends.
pub(crate) fn remove_with_us(folder: &Path) {
    tell(&format!("folder {}", folder.display()));
}

fn tell(line: &str) {
    let mut shell = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = writeln!(shell, "{line}") {
        eprintln!("the test watchdog is gone ({error}): processes may outlive this test");
    }
}
